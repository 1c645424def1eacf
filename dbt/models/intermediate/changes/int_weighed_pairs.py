"""Pairs of references whose evidence this build weighed: all, or in a night of changes those of touched groups (decision 012)."""


def model(dbt, session):
    from dagster_project.linkage import night

    return night.scores(
        session,
        references=dbt.ref("int_people_references"),
        descriptions=dbt.ref("int_people_descriptions"),
        clusters=dbt.ref("int_people_clusters_split"),
        touched=dbt.ref("int_touched_groups"),
    )
