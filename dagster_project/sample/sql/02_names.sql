-- Invented names: every surname and first name is put together from syllables; a few carry letters beyond ASCII.
create or replace table surname as
with heads as (
    select unnest([
        'Zarn', 'Quill', 'Brax', 'Drov', 'Fenth', 'Glimm', 'Hask', 'Irv', 'Jorr', 'Krell', 'Lum', 'Morv', 'Nesk', 'Orl',
        'Prend', 'Quor', 'Rusk', 'Skell', 'Tovv', 'Ulm', 'Vand', 'Wex', 'Yarr', 'Zeph', 'Bly', 'Crin', 'Dwer', 'Esk',
        'Frow', 'Grav', 'Hev', 'Jask', 'Kest', 'Lorv', 'Mund', 'Nyr', 'Ostr', 'Plim', 'Querr', 'Rhox', 'Sarv', 'Thrum',
        'Ulv', 'Vesp', 'Wolv', 'Xand', 'Yost', 'Zill', 'Brév', 'Lört', 'Drün', 'Café'
    ]) as head
),
tails as (
    select unnest([
        'wick', 'bert', 'acre', 'adine', 'ander', 'aster', 'bane', 'beck', 'bury', 'combe', 'cott', 'dale', 'dern',
        'dock', 'elby', 'endon', 'enthal', 'erby', 'esk', 'fax', 'field', 'fold', 'garth', 'grove', 'hallow', 'ham',
        'holt', 'hurst', 'ickle', 'imore', 'ingle', 'itch', 'kirk', 'knap', 'lade', 'latch', 'lock', 'low', 'mere',
        'mond', 'ney', 'nock', 'oake', 'over', 'pike', 'quist', 'rake', 'ridge', 'rook', 'sall', 'sedge', 'shaw',
        'skew', 'stow', 'thwaite', 'tock', 'toft', 'trell', 'ule', 'vane', 'vick', 'wald', 'wether', 'wold', 'worthen',
        'yarrow', 'yeld', 'zell'
    ]) as tail
)
select row_number() over (order by hash(head || tail, v('seed'))) - 1 as n, head || tail as name from heads cross join tails
order by n;

create or replace table forename as
with heads as (
    select unnest([
        'Al', 'Bre', 'Cor', 'Da', 'El', 'Fen', 'Gar', 'Hal', 'Is', 'Jo', 'Kel', 'Lo', 'Mar', 'Ni', 'Or', 'Per', 'Ro',
        'Sel', 'Tam', 'Ve'
    ]) as head
),
tails as (
    select 'M' as sex, unnest([
        'bric', 'dan', 'drin', 'fric', 'gan', 'kin', 'lach', 'mund', 'nor', 'pert', 'ric', 'ston', 'tor', 'van', 'vik',
        'wyn', 'zo', 'thos', 'bram', 'quin'
    ]) as tail
    union all
    select 'F', unnest([
        'bria', 'delle', 'dra', 'fina', 'gwyn', 'issa', 'kira', 'lira', 'mina', 'nora', 'philla', 'rina', 'sanne',
        'tessa', 'vanna', 'wen', 'xanthe', 'yra', 'zinda', 'léa'
    ])
)
select sex, row_number() over (partition by sex order by hash(head || tail, v('seed'))) - 1 as n, head || tail as name
from heads cross join tails
order by sex, n;
