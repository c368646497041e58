#!/bin/bash
# A dataset for each run file in a list, one array element each, on the cores of one node; `triptych merge` joins them.
#   ls runs/*.yaml > runs.txt
#   sbatch --array=1-$(wc -l < runs.txt) deploy/slurm/array.sh runs.txt
#SBATCH --job-name=triptych-array
#SBATCH --nodes=1
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=16
#SBATCH --mem-per-cpu=4G
#SBATCH --time=08:00:00
#SBATCH --requeue
set -euo pipefail
source "${TRIPTYCH_VENV:-venv}/bin/activate"

run=$(sed -n "${SLURM_ARRAY_TASK_ID}p" "$1")
triptych prepare "$run" --workers "$SLURM_CPUS_PER_TASK"
