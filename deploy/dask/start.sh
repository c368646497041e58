#!/bin/bash
# A Dask cluster by hand, over ssh: a scheduler here, and workers on the hosts of a list, which have the same environment
# at the same path and a shared file system or an object store.
#   deploy/dask/start.sh hosts.txt 32        # 32 workers on each host
#   triptych prepare run.yaml --set "engine={kind: dask, scheduler: 'scheduler.json'}"
# Ctrl-C ends the scheduler; workers end by themselves 60 s later.
set -euo pipefail
hosts=$1 workers=$2
environment=${TRIPTYCH_VENV:-$PWD/venv}
remote=${TRIPTYCH_SSH:-ssh}
scheduler=$PWD/scheduler.json

rm -f "$scheduler"
"$environment/bin/dask" scheduler --port 0 --scheduler-file "$scheduler" &
trap 'kill %1 2>/dev/null || true; rm -f "$scheduler"' EXIT
until [ -s "$scheduler" ]; do sleep 0.2; done
address=$("$environment/bin/python" -c 'import json, sys; print(json.load(open(sys.argv[1]))["address"])' "$scheduler")
while read -r host; do
  [ -n "$host" ] || continue
  $remote "$host" "cd '$PWD' && OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 OMP_WAIT_POLICY=passive \
    nohup '$environment/bin/dask' worker '$address' --nworkers $workers --nthreads 1 --memory-limit 0 --no-dashboard \
    --death-timeout 60 --preload triptych.pipelines.prepare > worker-$host.log 2>&1 &" </dev/null
done <"$hosts"
echo "Workers start on the hosts of $hosts; their logs are worker-HOST.log here. Scheduler: $address"
wait %1
