# shellcheck shell=sh
# The report's three checks, each in a login of its own: health, metrics, Prometheus target.
# shellcheck disable=SC2154 # whoever reads this in has set config and host
{
	ssh -F "$config" "$host" "until curl -sf http://127.0.0.1:8000/health; do sleep 0.2; done"
	ssh -F "$config" "$host" "curl -sf http://127.0.0.1:8000/metrics | head -10"
	ssh -F "$config" "$host" "until curl -s http://127.0.0.1:9090/api/v1/targets |
	  grep -q '\"health\":\"up\"'; do sleep 0.2; done"
}
