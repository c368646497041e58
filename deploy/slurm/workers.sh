#!/bin/bash
# Workers for the run of deploy/slurm/scheduler.sh: one for every task of the job. As an array, each element is a job
# that starts when there is room for it, and may be preempted at any time.
#   sbatch --array=0-63 deploy/slurm/workers.sh
#SBATCH --job-name=triptych-workers
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=4G
#SBATCH --time=04:00:00
#SBATCH --requeue
set -euo pipefail
source "${TRIPTYCH_VENV:-venv}/bin/activate"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive

scheduler=$PWD/${TRIPTYCH_SCHEDULER:-scheduler.json}
until [ -s "$scheduler" ]; do sleep 5; done # the other job may still wait in the queue
srun dask worker --scheduler-file "$scheduler" --nthreads 1 --memory-limit 0 --no-dashboard \
  --death-timeout 300 --preload triptych.pipelines.prepare
