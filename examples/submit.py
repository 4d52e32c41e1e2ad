"""Submit a script as a job, follow its log, and take its results home.

Needs a login (`himalia login http://host:8000`); in a notebook server it needs nothing.
"""

from pathlib import Path

import himalia

with himalia.Client() as client:
    script = Path(__file__).with_name("train.py")
    job = client.jobs.submit(script=script, arguments=["--rate", "0.2"], profile="base")
    print(f"Submitted {job.project}/{job.name}.")
    for text in job.log(follow=True):
        print(text, end="")
    job.refresh()
    print(f"{job.state}; metrics: {job.status.metrics}")
    for file in job.download_all("results"):
        print(f"Saved {file}.")
