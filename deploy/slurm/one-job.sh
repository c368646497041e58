#!/bin/bash
# A run in one job: a scheduler, a worker for every other task of the job, and `triptych prepare`.
#   sbatch deploy/slurm/one-job.sh run.yaml [OPTIONS OF triptych prepare]
# Submit it again when the time limit ended it: the run resumes.
#SBATCH --job-name=triptych
#SBATCH --ntasks=65
#SBATCH --cpus-per-task=1
#SBATCH --mem-per-cpu=4G
#SBATCH --time=08:00:00
set -euo pipefail
source "${TRIPTYCH_VENV:-venv}/bin/activate"
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive

# A free port, written to a file of this job: another job on the node may have taken 8786.
scheduler=$PWD/scheduler-$SLURM_JOB_ID.json
trap 'rm -f "$scheduler"; kill $(jobs -p) 2>/dev/null || true' EXIT
dask scheduler --port 0 --scheduler-file "$scheduler" --no-dashboard &
srun --ntasks=$((SLURM_NTASKS - 1)) --overlap dask worker --scheduler-file "$scheduler" \
  --nthreads 1 --memory-limit 0 --no-dashboard --preload triptych.pipelines.prepare &
triptych prepare "$@" --set "engine={kind: dask, scheduler: '$scheduler'}" --wait 600
