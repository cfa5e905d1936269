-- PostgreSQL writes a SQL function into the statement that calls it, unless it is strict and its body is not plainly so: then every value costs a
-- call of its own, ten times as much. So the masks say themselves that null stays null, and look for a township without an expression.
create or replace function delivery.keep(value text, head int, tail int) returns text language sql immutable parallel safe
  return case
    when length(value) <= head + tail then repeat('*', greatest(length(value), 3))
    else left(value, head) || repeat('*', length(value) - head - tail) || right(value, tail)
  end;

create or replace function delivery.mask_default(value text) returns text language sql immutable parallel safe
  return case when value is not null then '***' end;

create or replace function delivery.mask_name(value text) returns text language sql immutable parallel safe
  return case when length(btrim(value)) < 2 then '***' else left(btrim(value), 1) || '**' end;
create or replace function delivery.mask_name_ends(value text) returns text language sql immutable parallel safe
  return case
    when length(btrim(value)) < 2 then '***'
    when length(btrim(value)) = 2 then left(btrim(value), 1) || '*'
    else left(btrim(value), 1) || '*' || right(btrim(value), 1)
  end;

create or replace function delivery.mask_id_number(value text) returns text language sql immutable parallel safe
  return case when length(value) in (15, 18) then delivery.keep(value, 1, 2) when value is not null then '***' end;
create or replace function delivery.mask_id_number_area(value text) returns text language sql immutable parallel safe
  return case when length(value) = 18 then delivery.keep(value, 6, 4) when value is not null then '***' end;
create or replace function delivery.mask_id_number_tail(value text) returns text language sql immutable parallel safe
  return case when length(value) in (15, 18) then delivery.keep(value, 0, 4) when value is not null then '***' end;

create or replace function delivery.mask_mobile(value text) returns text language sql immutable parallel safe
  return case
    when value ~ '^1\d{10}$' then delivery.keep(value, 3, 4)
    when length(value) > 10 then delivery.keep(value, 0, 4)
    when value is not null then '***'
  end;
create or replace function delivery.mask_mobile_tail(value text) returns text language sql immutable parallel safe
  return case when length(value) > 10 then delivery.keep(value, 0, 4) when value is not null then '***' end;
create or replace function delivery.mask_phone(value text) returns text language sql immutable parallel safe
  return case
    when length(value) > 9 then delivery.keep(value, 4, 2)
    when length(value) > 6 then delivery.keep(value, 0, 2)
    when value is not null then '***'
  end;

-- Shown is what ends before the last eight characters: the first township, or all before them.
create or replace function delivery.mask_address(value text) returns text language sql immutable parallel safe
  return left(value, greatest(0, least(nullif(position('街道' in value), 0) + 1, nullif(position('镇' in value), 0), nullif(position('乡' in value), 0),
    length(value) - 8))) || '********';
create or replace function delivery.mask_address_county(value text) returns text language sql immutable parallel safe
  return case when value is not null then coalesce(substring(value from
    '^(?:[^省区]{2,5}(?:省|自治区))?(?:[^市盟县区旗街镇乡路村道]{1,8}(?:市|自治州|盟))?(?:[^县区旗市街镇乡路村道]{1,8}(?:县|区|旗|市))?'), '') || '********' end;

create or replace function delivery.mask_bank_card(value text) returns text language sql immutable parallel safe
  return case when length(value) >= 12 then delivery.keep(value, 4, 4) when value is not null then '***' end;
create or replace function delivery.mask_bank_card_tail(value text) returns text language sql immutable parallel safe
  return case when length(value) >= 12 then delivery.keep(value, 0, 4) when value is not null then '***' end;
create or replace function delivery.mask_plate(value text) returns text language sql immutable parallel safe
  return delivery.keep(value, 3, 1);
create or replace function delivery.mask_plate_head(value text) returns text language sql immutable parallel safe
  return delivery.keep(value, 2, 0);

create or replace function delivery.mask_email(value text) returns text language sql immutable parallel safe
  return case when value ~ '^[^@]{2,}@[^@]+$' then left(value, 1) || '****@' || split_part(value, '@', 2) when value is not null then '***' end;
create or replace function delivery.mask_email_domain(value text) returns text language sql immutable parallel safe
  return case when value ~ '^[^@]+@[^@]+$' then '****@' || split_part(value, '@', 2) when value is not null then '***' end;

create or replace function delivery.mask_credit_code(value text) returns text language sql immutable parallel safe
  return case
    when length(value) <> 18 then '***'
    when value like '92%' then left(value, 8) || '*********' || right(value, 1)
    else value
  end;
create or replace function delivery.mask_credit_code_hidden(value text) returns text language sql immutable parallel safe
  return case when length(value) = 18 then left(value, 8) || '*********' || right(value, 1) when value is not null then '***' end;

create or replace function delivery.mask_ends(value text) returns text language sql immutable parallel safe
  return delivery.keep(value, 1, 1);
create or replace function delivery.mask_month(value text) returns text language sql immutable parallel safe
  return case when value ~ '^\d{4}-\d{2}' then left(value, 7) when value is not null then '***' end;
create or replace function delivery.mask_year(value text) returns text language sql immutable parallel safe
  return case when value ~ '^\d{4}-\d{2}' then left(value, 4) when value is not null then '***' end;
