#!/bin/bash
# A run whose workers are jobs of their own: this job has the scheduler and `triptych prepare`, deploy/slurm/workers.sh
# the workers. Both are submitted in the same folder of a shared file system, and any number of worker jobs may follow.
#   sbatch deploy/slurm/scheduler.sh run.yaml [OPTIONS OF triptych prepare]
#   sbatch --array=0-63 deploy/slurm/workers.sh
#SBATCH --job-name=triptych-scheduler
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=2
#SBATCH --mem=8G
#SBATCH --time=24:00:00
set -euo pipefail
source "${TRIPTYCH_VENV:-venv}/bin/activate"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive

scheduler=$PWD/${TRIPTYCH_SCHEDULER:-scheduler.json}
rm -f "$scheduler" # of an earlier job
trap 'rm -f "$scheduler"; kill $(jobs -p) 2>/dev/null || true' EXIT
dask scheduler --port 0 --scheduler-file "$scheduler" --no-dashboard &
triptych prepare "$@" --set "engine={kind: dask, scheduler: '$scheduler'}" --wait 86000
