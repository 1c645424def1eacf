-- One row: the day up to which outcomes can be observed.
select * from {{ ref('int_observation') }}
