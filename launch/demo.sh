#!/usr/bin/env bash
# From a fresh Debian 12 to answers: installs what is missing, builds, and runs a small Mixtral on 4 ranks.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
launch/install_packages.sh
cmake --preset release -DBUILD_TESTING=OFF > /dev/null
cmake --build --preset release

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
echo
launch/run.sh -n 4 run-batch --model launch/demo/model --placement round-robin \
  -i launch/demo/prompts.jsonl -o "$out/answers.jsonl"

jq -rs --slurpfile prompts launch/demo/prompts.jsonl '
  (INDEX($prompts[]; .custom_id) | map_values(.body | .prompt // .messages[0].content)) as $prompt
  | .[] | .response.body.choices[0] as $choice
  | "\n> \($prompt[.custom_id])\n\($choice.text // $choice.message.content)"' "$out/answers.jsonl"
