"""The facts: one wide row a span, in a spool and in hour-partitioned Parquet segments, read with DuckDB."""
