-- What a clerk makes of a name, a birthday and a postcode (rates: core_person_record_m_u_table.csv). ``id`` is person × 16
-- + agency.
create or replace macro swapped_letters(id, word) as
    substr(word, 1, 1 + dice(id, 'typo at', length(word) - 2))
    || substr(word, 3 + dice(id, 'typo at', length(word) - 2), 1)
    || substr(word, 2 + dice(id, 'typo at', length(word) - 2), 1)
    || substr(word, 4 + dice(id, 'typo at', length(word) - 2));

create or replace macro is_varied(id) as u(id, 'name varies') < v('name_variant');
create or replace macro said_first(id, first, last) as case
    when not is_varied(id) then first
    when u(id, 'name how') < 0.30 then swapped_letters(id, first)
    when u(id, 'name how') < 0.61 then first
    when u(id, 'name how') < 0.63 then last
    when u(id, 'name how') < 0.80 then substr(first, 1, 3) || 'y'
    when u(id, 'name how') < 0.92 then substr(first, 1, 1)
    else first
end;
create or replace macro said_last(id, first, last) as case
    when not is_varied(id) then last
    when u(id, 'name how') < 0.30 then last
    when u(id, 'name how') < 0.61 then swapped_letters(id, last)
    when u(id, 'name how') < 0.63 then first
    when u(id, 'name how') < 0.92 then last
    else last || '-' || substr(last, 1, 3) || 'ow'
end;
create or replace macro said_dob(id, dob) as case
    when u(id, 'dob errs') >= v('dob_error') then dob
    when u(id, 'dob how') < 0.15 then null
    when u(id, 'dob how') < 0.55 and day(dob) <= 12 and day(dob) <> month(dob) then make_date(year(dob), day(dob), month(dob))
    when u(id, 'dob how') < 0.80 then dob - 1 - dice(id, 'dob days', 9)
    else cast(dob + interval 1 year as date)
end;

-- area letters that no post office uses: Q, V and X with any letter
create or replace macro postcode_of(area_n, id) as
    substr('QVX', cast(1 + (area_n // 26) as integer), 1) || letter(area_n % 26)
        || cast(1 + dice(id, 'district', 24) as varchar) || ' '
    || cast(dice(id, 'sector', 10) as varchar) || letter(dice(id, 'unit one', 20)) || letter(dice(id, 'unit two', 20));
create or replace macro said_postcode(id, area_n, home_id) as
    case when u(id, 'moved') < v('postcode_moved') then postcode_of(area_n, id) else postcode_of(area_n, home_id) end;

-- NI numbers: prefixes never issued (Q, then D F I Q U V …); prison and police numbers in the usual form
create or replace macro ni_of(id) as
    'Q' || substr('QVUIFDXZWYTSRNMLKJHGECBA', cast(1 + scramble(id, 15485863, 777, 24000000) // 1000000 as integer), 1)
    || lpad(cast(scramble(id, 15485863, 777, 24000000) % 1000000 as varchar), 6, '0')
        || substr('ABCD', 1 + dice(id, 'ni suffix', 4), 1);
create or replace macro noms_of(id) as
    letter(scramble(id, 32452843, 4242, 150000000) // 6760000)
        || lpad(cast(scramble(id, 32452843, 4242, 150000000) % 10000 as varchar), 4, '0')
    || letter((scramble(id, 32452843, 4242, 150000000) // 10000) % 26)
        || letter((scramble(id, 32452843, 4242, 150000000) // 260000) % 26);
create or replace macro pnc_check(n) as substr('ZABCDEFGHJKLMNPQRTUVWXY', cast(1 + (n) % 23 as integer), 1);
create or replace macro pnc_of(id, since) as
    cast(since as varchar) || '/' || lpad(cast(scramble(id, 7368787, 91, 9999991) as varchar), 7, '0')
    || pnc_check(scramble(id, 7368787, 91, 9999991));

-- one digit wrong; a mistyped police number is never another person's, because its check letter no longer fits
create or replace macro mistyped(id, number, place) as
    substr(number, 1, place - 1) || cast((cast(substr(number, place, 1) as integer) + 1 + dice(id, 'wrong digit', 8)) % 10
        as varchar)
    || substr(number, place + 1);
create or replace macro said_number(id, number, place, missing, wrong) as case
    when u(id, 'number ' || place) < missing then null
    when u(id, 'number ' || place) < missing + wrong then mistyped(id, number, place)
    else number
end;
create or replace macro crn_of(id) as
    letter(scramble(id, 49979687, 31337, 240000000) // 10000000)
        || lpad(cast(scramble(id, 49979687, 31337, 240000000) % 10000000 as varchar), 7, '0');
