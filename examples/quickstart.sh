#!/usr/bin/env bash
# The main job on embedded defaults, in .quickstart/ (git-ignored, made anew each time). Run by `make quickstart`.
set -euo pipefail
cd "$(dirname "$0")/.."
rm -rf .quickstart && mkdir .quickstart && cd .quickstart
export AGENT_DEPLOY_CACHE="$PWD/cache" AGENT_DEPLOY_ACTOR="${AGENT_DEPLOY_ACTOR:-you}"
# Nothing of the caller's own set-up gets in the way.
unset AGENT_DEPLOY_CONFIG AGENT_DEPLOY_DATABASE AGENT_DEPLOY_STORE AGENT_DEPLOY_ENVIRONMENT

step() { printf '\n\033[1m# %s\033[0m\n' "$1"; }
run() {
    local words=() word
    for word in "$@"; do
        case $word in *" "*) words+=("\"$word\"") ;; *) words+=("$word") ;; esac
    done
    printf '\033[36m$ %s\033[0m\n' "${words[*]}"
    "$@"
}

step "A configuration file and an example workflow"
run agent-deploy init

step "Register it: version 1"
run agent-deploy register support-triage

step "Change the prompt and the model, and register again: the tag is bumped by what changed"
bundle=workflows/support-triage
sed -i.bak 's/gpt-5-mini/gpt-5/' $bundle/bundle.toml
sed -i.bak 's/low, normal or high/low, normal or high. A card that is lost or stolen is high/' $bundle/prompts/classify.md
rm -f $bundle/*.bak $bundle/*/*.bak
run agent-deploy register support-triage

step "Version 1 goes live, and a process serves it"
run agent-deploy promote support-triage --version 1
printf '\033[36m$ python examples/reader.py &\033[0m\n'
python ../examples/reader.py --for 50 &
reader=$!
trap 'kill $reader 2>/dev/null || true' EXIT
until agent-deploy status --json | grep -q '"current": 1'; do sleep 0.2; done

step "What version 2 would change, and then version 2 goes live; --wait returns once every reader serves it"
run agent-deploy diff support-triage@production support-triage@2
run agent-deploy promote support-triage --version 2 --wait 10
run agent-deploy status

step "Roll back in one command; the reader follows, and version 2 is on hold"
run agent-deploy rollback support-triage --reason "too many messages marked high" --wait 10
run agent-deploy status
run agent-deploy history support-triage

step "Everything recorded is whole"
run agent-deploy verify

printf '\nDone. All of it is in .quickstart/; next: README.md\n'
