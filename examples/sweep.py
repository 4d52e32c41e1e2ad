"""Try several learning rates at the same time, and compare what comes out."""

import asyncio
from pathlib import Path

import himalia

RATES = (0.01, 0.1, 0.3)
SCRIPT = Path(__file__).with_name("train.py")


async def main() -> None:
    async with himalia.AsyncClient() as client:
        jobs = await asyncio.gather(
            *(
                client.jobs.submit(script=SCRIPT, arguments=["--rate", str(rate)], profile="base")
                for rate in RATES
            )
        )
        await asyncio.gather(*(job.wait() for job in jobs))
        for rate, job in zip(RATES, jobs, strict=True):
            print(f"{rate:5} {job.state:10} {job.status.metrics}")


asyncio.run(main())
