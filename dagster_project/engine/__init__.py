"""The same dbt models on a Spark Connect server, held to DuckDB's answers (dbt/docs/engine.md). No Dagster inside."""
