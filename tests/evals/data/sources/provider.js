// Answers by a table, tells tokens and cost, and fails on demand: so that a result file holds one of everything.
module.exports = class {
  id() { return 'acme:triage'; }
  async callApi(prompt, context) {
    const query = context.vars.query;
    if (query.includes('boom')) return { error: 'API error: 503 Service Unavailable', latencyMs: 12 };
    if (query.includes('throw')) throw new Error('socket hang up');
    const answers = { 'My card was stolen': 'card', 'Where is my parcel?': 'delivery', 'Grüße, 日本語 | `code`': 'other', 'Refund me': '{"intent": "refund"}' };
    return {
      output: answers[query] ?? 'other',
      tokenUsage: { prompt: 21, completion: 3, total: 24, numRequests: 1, completionDetails: { reasoning: 2 } },
      cost: 0.00012,
    };
  }
};
