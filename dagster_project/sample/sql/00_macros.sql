-- Draws are hashes of (entity, purpose, seed): the same for any number of threads and any size of batch.
create or replace macro v(name) as getvariable(name);

-- hashed twice, because one hash of two values only xors them and would tie the draws of one entity together
create or replace macro u(id, purpose) as ((hash(hash(id, purpose, getvariable('seed'))) >> 11) / 9007199254740992.0);
create or replace macro dice(id, purpose, n) as cast(floor(u(id, purpose) * (n)) as integer);
create or replace macro between_days(id, purpose, low, high)
    as cast((low) + floor(u(id, purpose) * ((high) - (low) + 1)) as integer);
create or replace macro slot(id, purpose) as cast(floor(u(id, purpose) * 1000) as integer);

-- a bijection on 0 … modulus-1, so that references of one person in two agencies cannot be told from each other
create or replace macro scramble(id, factor, shift, modulus) as ((id) * (factor) + (shift)) % (modulus);
create or replace macro letter(n) as chr(cast(65 + (n) as integer));

-- a waiting time with the given mean and many short waits (Weibull, shape 0.8)
create or replace macro wait_days(id, purpose, mean)
    as cast(floor((mean) / 1.133 * pow(-ln(1 - u(id, purpose)), 1.25)) as integer);

-- a day after the delivery is not known yet
create or replace macro known_by(day, delivery) as case when day <= delivery then day end;

-- the window of the published table; what must stay out of it is moved by its length
create or replace macro out_of_window(term, begun) as case
    when term >= v('window_start') and term < v('window_end')
        then case when term - v('window_days') >= begun then term - v('window_days') else term + v('window_days') end
    else term
end;
