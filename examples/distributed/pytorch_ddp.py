"""Distributed PyTorch: DistributedDataParallel over gloo, which needs no accelerator.

Needs torch. Run it as a job with
`himalia jobs submit --replicas 2 --follow examples/distributed/pytorch_ddp.py`.
"""

import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

import himalia.run as run

dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
rank, size = dist.get_rank(), dist.get_world_size()

torch.manual_seed(rank)
x = torch.rand(100, 1) * 2 - 1
y = 3 * x + 1 + 0.1 * torch.randn(100, 1)
model = torch.nn.Linear(1, 1)  # DistributedDataParallel gives all ranks the weights of rank 0
if torch.cuda.is_available():
    model, x, y = model.cuda(), x.cuda(), y.cuda()
model = DistributedDataParallel(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.3)
for step in range(60):
    optimizer.zero_grad()
    loss = torch.nn.functional.mse_loss(model(x), y)
    loss.backward()  # averages the gradients of all ranks
    optimizer.step()
    run.log("loss", loss.item(), step)
slope, offset = model.module.weight.item(), model.module.bias.item()
print(f"rank {rank} of {size}: y = {slope:.3f} x + {offset:.3f}")
if rank == 0:
    os.makedirs("outputs", exist_ok=True)
    torch.save(model.module.state_dict(), "outputs/line.pt")
dist.destroy_process_group()
