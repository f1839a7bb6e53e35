# Tuned, settings.json: no debugging (nor access log), no compression, no metrics, and no worker processes, as on one core
# the way to another process only costs. BATCH=1 turns its adaptive batching on; of waits from 1 to 50 ms and batches
# from 32 to 200 requests these answered the most.
export MLSERVER_HOST=127.0.0.1 MLSERVER_HTTP_PORT="$PORT"
export MLSERVER_MODEL_NAME=model MLSERVER_MODEL_URI="$MODEL" MLSERVER_MODEL_IMPLEMENTATION=mlserver_sklearn.SKLearnModel
if [ "${BATCH:-0}" = 1 ]; then
    export MLSERVER_MODEL_MAX_BATCH_SIZE=64 MLSERVER_MODEL_MAX_BATCH_TIME=0.001
fi
exec mlserver start .
