"""The names of spans and attributes: all those that are written, and the older ones that are read besides.

Nothing is imported here, so that applications, receivers and tests may all start from it.
"""

from __future__ import annotations

SCOPE = "agent_deploy"  # the instrumentation scope of our own spans

# --- OpenTelemetry GenAI semantic conventions: semantic-conventions-genai v0.1.0 (status: development) ---------------
OPERATION = "gen_ai.operation.name"
AGENT_NAME = "gen_ai.agent.name"
CONVERSATION = "gen_ai.conversation.id"
PROVIDER = "gen_ai.provider.name"
PROMPT_NAME = "gen_ai.prompt.name"
PROMPT_VERSION = "gen_ai.prompt.version"

REQUEST_MODEL = "gen_ai.request.model"
REQUEST_TEMPERATURE = "gen_ai.request.temperature"
REQUEST_MAX_TOKENS = "gen_ai.request.max_tokens"
REQUEST_TOP_P = "gen_ai.request.top_p"
REQUEST_TOP_K = "gen_ai.request.top_k"
REQUEST_SEED = "gen_ai.request.seed"
REQUEST_FREQUENCY_PENALTY = "gen_ai.request.frequency_penalty"
REQUEST_PRESENCE_PENALTY = "gen_ai.request.presence_penalty"
REQUEST_STOP = "gen_ai.request.stop_sequences"

RESPONSE_MODEL = "gen_ai.response.model"
RESPONSE_ID = "gen_ai.response.id"
RESPONSE_FINISH_REASONS = "gen_ai.response.finish_reasons"

USAGE_INPUT = "gen_ai.usage.input_tokens"  # what was read from and written to a cache included
USAGE_OUTPUT = "gen_ai.usage.output_tokens"  # reasoning included
USAGE_CACHE_READ = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING = "gen_ai.usage.reasoning.output_tokens"

INPUT_MESSAGES = "gen_ai.input.messages"
OUTPUT_MESSAGES = "gen_ai.output.messages"
RETRIEVAL_DOCUMENTS = "gen_ai.retrieval.documents"
DATA_SOURCE = "gen_ai.data_source.id"

TOOL_NAME = "gen_ai.tool.name"
TOOL_TYPE = "gen_ai.tool.type"
TOOL_CALL_ID = "gen_ai.tool.call.id"
TOOL_ARGUMENTS = "gen_ai.tool.call.arguments"
TOOL_RESULT = "gen_ai.tool.call.result"

EVALUATION_EVENT = "gen_ai.evaluation.result"
EVALUATION_NAME = "gen_ai.evaluation.name"
EVALUATION_VALUE = "gen_ai.evaluation.score.value"
EVALUATION_LABEL = "gen_ai.evaluation.score.label"
EVALUATION_EXPLANATION = "gen_ai.evaluation.explanation"
PASSED, NOT_PASSED = "passed", "failed"  # the labels that `call.score` gives

# gen_ai.operation.name, which is also how the span's name begins.
INVOKE_WORKFLOW = "invoke_workflow"
CHAT = "chat"
EXECUTE_TOOL = "execute_tool"
RETRIEVAL = "retrieval"

# --- GenAI conventions before v0.1.0 (semantic-conventions v1.36.0 to v1.41.0): read, never written ------------------
OLD_SYSTEM = "gen_ai.system"
OLD_WORKFLOW_NAME = "gen_ai.workflow.name"
OLD_USAGE_PROMPT = "gen_ai.usage.prompt_tokens"
OLD_USAGE_COMPLETION = "gen_ai.usage.completion_tokens"
OLD_USAGE_CACHE_CREATION = "gen_ai.usage.cache_creation.input_tokens"

# --- OpenTelemetry semantic conventions v1.44.0 (general attributes) --------------------------------------------------
USER_ID = "user.id"
ERROR_TYPE = "error.type"
EXCEPTION_EVENT = "exception"
EXCEPTION_TYPE = "exception.type"
EXCEPTION_MESSAGE = "exception.message"
EXCEPTION_STACKTRACE = "exception.stacktrace"

# --- agent_deploy v1: what no convention has a name for ---------------------------------------------------------------
# On every span inside a call.
WORKFLOW = "agent_deploy.workflow"
ENVIRONMENT = "agent_deploy.environment"
TENANT = "agent_deploy.tenant.id"
GENERATION = "agent_deploy.release.generation"
BUNDLE_VERSION = "agent_deploy.bundle.version"
BUNDLE_TAG = "agent_deploy.bundle.tag"
BUNDLE_DIGEST = "agent_deploy.bundle.digest"
CALL_ID = "agent_deploy.call.id"  # the span id of the call's root, 16 hex digits

# On the call's root.
REQUEST_ID = "agent_deploy.request.id"
OUTCOME = "agent_deploy.outcome"
CONFIDENCE = "agent_deploy.confidence"

# On what failed, the call or one of its steps.
FAILURE_MODE = "agent_deploy.failure.mode"

# On steps.
STEP = "agent_deploy.step"  # the bundle's name for the model, as in `[models.<step>]`
ATTEMPT = "agent_deploy.attempt"  # 1, 2, 3…; a span that has it and no gen_ai.operation.name is an attempt as a whole
PARSE_OK = "agent_deploy.output.parse_ok"
OUTPUT_PARSED = "agent_deploy.output.parsed"
TIER = "agent_deploy.tier"  # what the provider charges by: batch, flex, priority…
COST_USD = "agent_deploy.cost.usd"
PRICE_TABLE = "agent_deploy.price_table"
RETRIEVED_COUNT = "agent_deploy.retrieval.count"

ATTEMPT_SPAN = "attempt"
