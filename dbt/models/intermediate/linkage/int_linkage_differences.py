"""One row per level or draw and population, outcome, month, area, group and status that counts another number there."""


def model(dbt, session):
    from dagster_project.linkage import differences

    return differences.model(
        session,
        int_people=dbt.ref("int_people"),
        int_people_joins=dbt.ref("int_people_joins"),
        int_people_overrides=dbt.ref("int_people_overrides"),
        linkage_levels=dbt.ref("linkage_levels"),
        linkage_rules=dbt.ref("linkage_rules"),
        areas=dbt.ref("areas"),
        # what the models between people and the marts read (linkage/variants.py says if one is missing)
        int_accommodation_records=dbt.ref("int_accommodation_records"),
        int_benefit_records=dbt.ref("int_benefit_records"),
        int_custody_records=dbt.ref("int_custody_records"),
        int_employment_records=dbt.ref("int_employment_records"),
        int_observation=dbt.ref("int_observation"),
        int_order_records=dbt.ref("int_order_records"),
        int_p45_records=dbt.ref("int_p45_records"),
        stg_intake__deliveries=dbt.ref("stg_intake__deliveries"),
        stg_police__offences=dbt.ref("stg_police__offences"),
        available_for_work=dbt.ref("available_for_work"),
        employed=dbt.ref("employed"),
        follow_up_points=dbt.ref("follow_up_points"),
        housed=dbt.ref("housed"),
        indicator_definitions=dbt.ref("indicator_definitions"),
        indicator_needs=dbt.ref("indicator_needs"),
        order_group=dbt.ref("order_group"),
        order_scope=dbt.ref("order_scope"),
        out_of_work_benefit=dbt.ref("out_of_work_benefit"),
        proven_offence=dbt.ref("proven_offence"),
        release_scope=dbt.ref("release_scope"),
        settled=dbt.ref("settled"),
        spell_rules=dbt.ref("spell_rules"),
        termination_scope=dbt.ref("termination_scope"),
    )
