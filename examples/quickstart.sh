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
        case $word in *'"'*) words+=("'$word'") ;; *" "*) words+=("\"$word\"") ;; *) words+=("$word") ;; esac
    done
    printf '\033[36m$ %s\033[0m\n' "${words[*]}"
    "$@"
}
refused() { # a command that is to be refused, by the gate
    run "$@" && { echo "this should have been refused"; exit 1; }
    local code=$?
    [ $code -eq 4 ] || { echo "exit code $code instead of 4"; exit 1; }
}
bundle=workflows/support-triage
prompt=$bundle/prompts/classify.md

step "A configuration file, an example workflow, its eval set, and an offline agent that stands in for a model"
run agent-deploy init

step "Register it: version 1. Try it on the 60 cases of its eval set, and let it go live: the gate accepts the evidence"
run agent-deploy register support-triage
run agent-deploy eval support-triage@1
run agent-deploy promote support-triage --version 1

step "Three processes serve it, and a support desk answers messages with it, traced"
readers=()
for number in 1 2 3; do
    printf '\033[36m$ python examples/reader.py > reader-%s.log &\033[0m\n' $number
    python ../examples/reader.py --for 300 > reader-$number.log 2>&1 &
    readers+=($!)
done
agent-deploy serve --no-auth --port 0 --json > serve.json 2> serve.log &
receiver=$!
trap 'kill "${readers[@]}" $receiver 2>/dev/null || true' EXIT
printf '\033[36m$ agent-deploy serve --no-auth &\033[0m\n'
until agent-deploy status --json | grep -q '"current": 3'; do sleep 0.2; done
until [ -s serve.json ]; do sleep 0.2; done
endpoint=$(python -c 'import json; print(json.load(open("serve.json"))["url"].removesuffix("/v1/traces"))')
run python ../examples/desk.py --endpoint "$endpoint" --calls 600

step "Version 2 drops most examples from the prompt, to save tokens. The gate refuses it, and says which cases changed"
cp $prompt prompt-of-version-1.md
sed -i.bak '9,16d' $prompt && rm -f $prompt.bak
run agent-deploy register support-triage
run agent-deploy eval support-triage@2
refused agent-deploy promote support-triage --version 2
run agent-deploy evals diff support-triage@1 support-triage@2

step "Version 3 has more examples instead, and a complaint has become a case: it is better, and goes live"
cp prompt-of-version-1.md $prompt
cat > more-examples.txt <<'EXAMPLES'
- "My new card came, how do I activate it in the app?" → card, low
- "The chip of my card is gone and the machine spits it out" → card, normal
- "My transfer is pending and the app shows an error" → transfer, normal
- "I cannot add a recipient for a transfer" → transfer, normal
- "I sent money to a friend who is still waiting" → transfer, normal
- "My employer paid my salary, and it is not there" → transfer, normal
- "I topped up and my balance has not changed" → top_up, normal
- "I was charged twice for one top-up" → top_up, normal
- "How do I load money with a debit card?" → top_up, low
- "Close my account" → other, normal
- "Do you offer accounts for pupils?" → other, low
EXAMPLES
sed -i.bak '15r more-examples.txt' $prompt && rm -f $prompt.bak
run agent-deploy evals add evals/support-triage.yaml --input '{"customer": "Ida", "query": "My new card does not work at the machine"}' \
    --expected '{"queue": "card"}' --source complaint:TICKET-1240
run agent-deploy register support-triage
run agent-deploy eval support-triage@3 --with-baseline
run agent-deploy gate support-triage --version 3
run agent-deploy promote support-triage --version 3 --wait 10
run agent-deploy status

step "Roll back in one command, which waits for no gate; the readers follow, and version 3 is on hold"
run agent-deploy rollback support-triage --reason "too many messages marked high" --wait 10
run agent-deploy history support-triage

step "It was a false alarm: version 3 goes live again, and the desk answers with it"
run agent-deploy promote support-triage --version 3 --override-hold --reason "the dashboard was wrong" --wait 10
run python ../examples/desk.py --endpoint "$endpoint" --calls 600
run agent-deploy metrics support-triage
run agent-deploy cost support-triage --by version
run agent-deploy cost support-triage --compare 1 3

step "The weekly drill, now: back to version 1 for five seconds, for real, and forward again"
run agent-deploy drill run support-triage --hold-for 5s
run agent-deploy drill status

step "Everything recorded is whole"
run agent-deploy verify
run agent-deploy status

printf '\nDone. All of it is in .quickstart/; next: README.md\n'
