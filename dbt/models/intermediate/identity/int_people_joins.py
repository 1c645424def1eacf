"""One row per two clusters that may be one person: how likely, and whether they are joined, at which level (decision 012)."""


def model(dbt, session):
    from dagster_project.linkage import night

    return night.joined(
        session,
        clusters=dbt.ref("int_people_clusters_split"),
        scores=dbt.ref("int_people_scores"),
        overrides=dbt.ref("int_people_overrides"),
        touched=dbt.ref("int_touched_rivals"),
        standing=dbt.this,
    )
