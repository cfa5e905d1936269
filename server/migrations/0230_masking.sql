-- More ways to show less: a stronger and a weaker form of each mask, dates made coarser, and pseudonyms.
create function delivery.mask_name_ends(value text) returns text language sql immutable strict parallel safe
  return case
    when length(btrim(value)) < 2 then '***'
    when length(btrim(value)) = 2 then left(btrim(value), 1) || '*'
    else left(btrim(value), 1) || '*' || right(btrim(value), 1)
  end;

-- Area and the last four; the date of birth is hidden.
create function delivery.mask_id_number_area(value text) returns text language sql immutable strict parallel safe
  return case when length(value) = 18 then delivery.keep(value, 6, 4) else '***' end;
create function delivery.mask_id_number_tail(value text) returns text language sql immutable strict parallel safe
  return case when length(value) in (15, 18) then delivery.keep(value, 0, 4) else '***' end;

create function delivery.mask_mobile_tail(value text) returns text language sql immutable strict parallel safe
  return case when length(value) > 10 then delivery.keep(value, 0, 4) else '***' end;

-- Province, prefecture and county as far as they are named; nothing that could be a street.
create function delivery.mask_address_county(value text) returns text language sql immutable strict parallel safe
  return coalesce(substring(value from
    '^(?:[^省区]{2,5}(?:省|自治区))?(?:[^市盟县区旗街镇乡路村道]{1,8}(?:市|自治州|盟))?(?:[^县区旗市街镇乡路村道]{1,8}(?:县|区|旗|市))?'), '') || '********';

create function delivery.mask_bank_card_tail(value text) returns text language sql immutable strict parallel safe
  return case when length(value) >= 12 then delivery.keep(value, 0, 4) else '***' end;
create function delivery.mask_plate_head(value text) returns text language sql immutable strict parallel safe
  return delivery.keep(value, 2, 0);
create function delivery.mask_email_domain(value text) returns text language sql immutable strict parallel safe
  return case when value ~ '^[^@]+@[^@]+$' then '****@' || split_part(value, '@', 2) else '***' end;
create function delivery.mask_credit_code_hidden(value text) returns text language sql immutable strict parallel safe
  return case when length(value) = 18 then left(value, 8) || '*********' || right(value, 1) else '***' end;

create function delivery.mask_ends(value text) returns text language sql immutable strict parallel safe
  return delivery.keep(value, 1, 1);
create function delivery.mask_month(value text) returns text language sql immutable strict parallel safe
  return case when value ~ '^\d{4}-\d{2}' then left(value, 7) else '***' end;
create function delivery.mask_year(value text) returns text language sql immutable strict parallel safe
  return case when value ~ '^\d{4}-\d{2}' then left(value, 4) else '***' end;

-- HMAC-SHA256 (RFC 2104) of a value, shortened to 128 bits. The two pads are made of the recipient's key outside and come as parameters:
-- no key stands in the database, and the same value has another pseudonym for every recipient.
create function delivery.pseudonym(value text, inner_pad bytea, outer_pad bytea) returns text language sql stable strict parallel safe
  return encode(substr(sha256(outer_pad || sha256(inner_pad || convert_to(value, 'UTF8'))), 1, 16), 'hex');

-- Only rows in which these items have one of these values: [{ key, name, type, values }]. Decided with the grant.
alter table delivery.grant add column row_filter jsonb not null default '[]';
