-- One row per pair of references and reader: what the reader of the review page decided last. The pair is in the order that it was sent in.
with sent as (
    {{ in_force('linkage', 'decisions') }}
),

renamed as (
    select
        agency_a,
        person_ref_a,
        agency_b,
        person_ref_b,
        upper(reader) as reader,
        decision,
        decided_date,
        queue_month,
        stratum,
        sampling_weight,
        _delivery_id,
        _row_number
    from sent
)

select * from renamed
