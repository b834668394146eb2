# shellcheck shell=bash disable=SC2154  # work: of cluster/test_support.sh
# The demo as a job of tests on a cluster: sourced after test_support.sh.

: "${OCTET_BIN:?must name the program}"

mkdir "$work/report"
cp -r launch/demo/model "$work/model"
demo_arguments=(--model "$work/model" -i launch/demo/prompts.jsonl -o "$work/answers.jsonl" --report "$work/report")
demo_job=(run-batch "${demo_arguments[@]}")

answer_on_one_host() {
  "$OCTET_BIN" "${demo_job[@]}" 2> "$work/one_host.log" || { cat "$work/one_host.log"; exit 1; }
  mv "$work/answers.jsonl" "$work/expected.jsonl"
}

# The last run had so many ranks and threads of each; answers can't tell.
shape_was() {  # RANKS THREADS
  [[ $(jq -r '"\(.ranks) \(.threads)"' "$work/report/summary.json") == "$1 $2" ]]
}

same_answers() { cmp "$work/expected.jsonl" "$work/answers.jsonl"; }

# A job that takes some seconds, to be disturbed: sampled answers of different lengths.
long_arguments=(--model "$work/model" -i "$work/long_in.jsonl" -o "$work/long.jsonl" --progress none)

long_requests=400

long_job_on_one_host() {
  local i
  for i in $(seq "$long_requests"); do
    printf '{"custom_id": "%d", "url": "/v1/completions", "body": {"prompt": "And", "max_tokens": %d, "ignore_eos": true}}\n' \
      "$i" $((20 + i % 80))
  done > "$work/long_in.jsonl"
  "$OCTET_BIN" run-batch "${long_arguments[@]}" 2> "$work/long.log" || { cat "$work/long.log"; exit 1; }
  mv "$work/long.jsonl" "$work/long_expected.jsonl"
}

# Of the long job, while it runs.
results_are_there() {  # COUNT
  [[ $(cat "$work"/long.jsonl.journal/part-* 2> /dev/null | grep -cE '^[0-9a-f]{16} answer') -ge $1 ]]
}
