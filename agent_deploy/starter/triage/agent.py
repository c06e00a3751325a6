"""The example's agent: an offline stand-in for a language model, so that all can be tried without a key.

It is no language model: it sorts a message by the words that it shares with the labelled examples in the bundle's
prompt, so that better examples make it better, as they would a model. What it says of tokens is a rule of thumb.
A real agent has the same shape: it takes the bundle and an input, and asks the bundle's model. Or leave `agent` out of
agent-deploy.toml, and the bundle's prompts are sent to its model as they are.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from typing import Any

from agent_deploy import Bundle
from agent_deploy.evals import ModelCall, Reply, Usage

_EXAMPLE = re.compile(r'^- "(.+)" → (\w+), (\w+)$', re.MULTILINE)
_SAYING_LITTLE = """
    the and that this have has had with for was are not can but from how what when why did does out about you your
"""
_CHARACTERS_A_TOKEN = 4


def answer(bundle: Bundle, input: dict[str, Any]) -> Reply:
    """The message's queue and urgency, as the JSON text that a model would write, and the tokens of the call."""
    prompt = bundle.prompt("classify").render(**input)
    text = json.dumps(classify(prompt, input["query"]))
    model = bundle.model()
    usage = Usage(input=len(prompt) // _CHARACTERS_A_TOKEN, output=len(text) // _CHARACTERS_A_TOKEN)
    return Reply(text, calls=(ModelCall(model.provider, model.name, usage),))


def classify(prompt: str, message: str) -> dict[str, str]:
    """The queue whose examples have the message's words most to themselves, and the urgency of the likest of them."""
    examples = [(_words(text), queue, urgency) for text, queue, urgency in _EXAMPLE.findall(prompt)]
    asked = _words(message)
    seen = Counter(word for words, _, _ in examples for word in words)
    seen_in = Counter((word, queue) for words, queue, _ in examples for word in words)

    def telling(queue: str) -> float:
        shares = (seen_in[word, queue] / seen[word] for word in asked if seen[word])
        return sum(share * share for share in shares)

    def likeness(words: set[str]) -> float:
        return sum(1 / seen[word] for word in words & asked) / math.sqrt(1 + len(words))

    queue = max(dict.fromkeys(queue for _, queue, _ in examples), key=telling, default="other")
    if not examples or not telling(queue):
        return {"queue": "other", "urgency": "normal"}
    likest = max((example for example in examples if example[1] == queue), key=lambda example: likeness(example[0]))
    return {"queue": queue, "urgency": likest[2]}


def _words(text: str) -> set[str]:
    """The words that say something, without their endings."""
    little = _SAYING_LITTLE.split()
    plain = re.sub(r"\btop[- ]up", "topup", text.lower())
    words = (word for word in re.findall(r"[a-z]+", plain) if len(word) > 2 and word not in little)
    return {re.sub(r"(ing|ed|s|e)$", "", word) for word in words}
