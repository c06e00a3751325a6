"""What is done with traces and the facts made of them, one verb a module."""
