"""A drill as a page that an auditor can read: one content, written as Markdown or as HTML. Pure."""
