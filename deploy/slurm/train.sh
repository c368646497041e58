#!/bin/bash
# Training by torchrun on every node of the job; torchrun starts a process for each device.
#   sbatch deploy/slurm/train.sh train.yaml
# Submit it again when the time limit ended it: training resumes, also with another number of nodes.
#SBATCH --job-name=triptych-train
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node=8
#SBATCH --cpus-per-task=64
#SBATCH --time=24:00:00
set -euo pipefail
source "${TRIPTYCH_VENV:-venv}/bin/activate"

nodes=$SLURM_JOB_NUM_NODES
head=${TRIPTYCH_HEAD:-$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)}
port=$((20000 + SLURM_JOB_ID % 20000)) # two jobs on one node must not meet
srun --ntasks="$nodes" --kill-on-bad-exit=1 torchrun \
  --nnodes "$nodes" --nproc-per-node "${PROCESSES_PER_NODE:-${SLURM_GPUS_ON_NODE:-1}}" \
  --rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint "$head:$port" \
  -m triptych.train "$@"
