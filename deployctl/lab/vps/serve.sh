#!/bin/sh
# Starts the application as its operator would, and waits until Prometheus has looked at it.
set -eu
cd /opt/techno-os/app/backend
setpriv --reuid=deploy --regid=deploy --init-groups env HOME=/home/deploy \
  docker compose -f docker-compose.prod.yml up --detach --wait
tries=0
until curl -sf http://127.0.0.1:9090/api/v1/targets | grep -Eq '"health":"(up|down)"'; do
  tries=$((tries + 1))
  if [ "$tries" -gt 150 ]; then
    echo 'Prometheus has not scraped the backend:' >&2
    tail -n 20 /var/log/prometheus/prometheus.log >&2
    exit 1
  fi
  sleep 0.1
done
