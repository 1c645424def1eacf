"""One row per exact link that is broken, as its cluster is larger than a person can be (linkage_rules), with that cluster."""


def model(dbt, session):
    from dagster_project.linkage import night

    return night.broken(
        session,
        clusters=dbt.ref("int_people_clusters"),
        links=dbt.ref("int_people_links"),
        references=dbt.ref("int_people_references"),
        overrides=dbt.ref("int_people_overrides"),
    )
