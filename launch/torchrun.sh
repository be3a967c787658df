#!/usr/bin/env bash
# Train on one machine or on several. What follows the name of this file goes to capstone.train:
#
#   bash launch/torchrun.sh --preset wikitext2-gpu --name large
#
# On several machines: the same command on each of them, with the same NODES, HEAD and JOB.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# To be edited, or set in the environment.
NODES=${NODES:-1}                        # how many machines
PROCESSES=${PROCESSES:-auto}             # on each of them; auto: one for each GPU (without GPUs, one for each core)
HEAD=${HEAD:-localhost:29500}            # several machines: one that all others reach, and a port that is free there
JOB=${JOB:-gpt}                          # several machines: this job's name, another one for each job that runs
RESTARTS=${RESTARTS:-3}                  # how often all processes are started again when one has failed
PYTHON=${PYTHON:-.venv/bin/python}
# Where a machine has several networks, name the one to use (`ip addr` lists them):
# export NCCL_SOCKET_IFNAME=eth0 GLOO_SOCKET_IFNAME=eth0

if [ "$NODES" -eq 1 ]; then
  meeting=(--standalone)
else
  meeting=(--nnodes "$NODES" --rdzv-backend c10d --rdzv-endpoint "$HEAD" --rdzv-id "$JOB")
fi
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # else torchrun sets it, and warns; capstone.train divides the cores itself
exec "$PYTHON" -m torch.distributed.run "${meeting[@]}" --nproc-per-node "$PROCESSES" --max-restarts "$RESTARTS" \
  -m capstone.train "$@"
