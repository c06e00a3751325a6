"""What a run says, in the forms that others read: JSON, Markdown, JUnit XML, an in-toto statement. Pure."""
