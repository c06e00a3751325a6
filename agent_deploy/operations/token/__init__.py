"""Operations on the server's bearer tokens."""
