-- Checks of single values, written for millions of rows. server/modules/quality/rules.ts says the same for one value;
-- vectors.ts holds both to one table. Every function takes trimmed, non-empty text and may run in parallel workers.
create schema quality;

-- True when the server's own input function takes the text. PostgreSQL 16 can answer without an exception.
do $$
begin
  if current_setting('server_version_num')::int >= 160000 then
    execute $f$
      create function quality.valid_input(v text, kind text) returns boolean language sql stable parallel safe
        return pg_input_is_valid(v, kind)
    $f$;
  else
    execute $f$
      create function quality.valid_input(v text, kind text) returns boolean language plpgsql stable parallel safe as $p$
      begin
        execute format('select %L::%s', v, kind);
        return true;
      exception when others then
        return false;
      end $p$
    $f$;
  end if;
end $$;

create function quality.half_width(v text) returns text language sql immutable parallel safe
  return translate(v,
    '０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺａｂｃｄｅｆｇｈｉｊｋｌｍｎｏｐｑｒｓｔｕｖｗｘｙｚ－．，／：￥　',
    '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-.,/:¥ ');

-- Identifiers are compared in capitals and half width; 18 bytes means that nothing is full width.
create function quality.code_value(v text) returns text language sql immutable parallel safe
  return case when octet_length(v) = 18 then upper(v) else upper(btrim(quality.half_width(v))) end;

create function quality.real_day(y int, m int, d int) returns boolean language plpgsql immutable parallel safe as $$
begin
  return y > 0 and m between 1 and 12 and d between 1 and
    case when m = 2 then case when y % 4 = 0 and (y % 100 <> 0 or y % 400 = 0) then 29 else 28 end
         when m in (4, 6, 9, 11) then 30 else 31 end;
end $$;

-- 公民身份号码 (GB 11643): null, or what is wrong. `v` comes from code_value; `today` as YYYYMMDD.
-- The first IF is the whole check on the bytes of a good number (29 February aside), since here a statement costs more than ten
-- operators. 4800 is 48, the byte '0', times the sum of the weights; the tables answer by province and by month.
create function quality.id_number_fault(v text, today text default to_char(now() at time zone 'Asia/Shanghai', 'YYYYMMDD'))
returns text language plpgsql immutable parallel safe as $$
declare
  b bytea := textsend(v);
  born text;
begin
  if octet_length(b) = 18 and ltrim(b, '0123456789'::bytea) in ('', 'X')
    and get_byte('10X98765432'::bytea, (get_byte(b,0)*7 + get_byte(b,1)*9 + get_byte(b,2)*10 + get_byte(b,3)*5 + get_byte(b,4)*8
      + get_byte(b,5)*4 + get_byte(b,6)*2 + get_byte(b,7) + get_byte(b,8)*6 + get_byte(b,9)*3 + get_byte(b,10)*7 + get_byte(b,11)*9
      + get_byte(b,12)*10 + get_byte(b,13)*5 + get_byte(b,14)*8 + get_byte(b,15)*4 + get_byte(b,16)*2 - 4800) % 11) = get_byte(b,17)
    and get_byte('\x00000000000000000000000101010101000000000001010100000000000000010101010101010000000101010101010000000101010101000000000000010101010100000000000100000000000000000001010100000000000000000000000000000000'::bytea, get_byte(b,0)*10 + get_byte(b,1) - 528) = 1
    and get_byte('\x001f1c1f1e1f1e1f1f1e1f1e1f000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000'::bytea, get_byte(b,10)*10 + get_byte(b,11) - 528) - (get_byte(b,12)*10 + get_byte(b,13) - 528) >= 0
    and get_byte(b,12) + get_byte(b,13) > 96
    and substr(v, 7, 8) between '19000101' and today then
    return null;
  end if;
  if v ~ '^[0-9]{15}$' then return 'id-legacy'; end if;
  if length(v) <> 18 then return 'id-length'; end if;
  if v !~ '^[0-9]{17}[0-9X]$' then return 'id-form'; end if;
  if left(v, 2) <> all ('{11,12,13,14,15,21,22,23,31,32,33,34,35,36,37,41,42,43,44,45,46,50,51,52,53,54,61,62,63,64,65,71,81,82,83}') then return 'id-province'; end if;
  born := substr(v, 7, 8);
  if born < '1900' or not quality.real_day(left(born, 4)::int, substr(born, 5, 2)::int, right(born, 2)::int) then return 'id-date'; end if;
  if born > today then return 'id-future'; end if;
  if substr('10X98765432', (select sum(substr(v, i, 1)::int * ('{7,9,10,5,8,4,2,1,6,3,7,9,10,5,8,4,2}'::int[])[i]) from generate_series(1, 17) i)::int % 11 + 1, 1) <> right(v, 1) then
    return 'id-check';
  end if;
  return null;
end $$;

-- 统一社会信用代码 (GB 32100). The values of the alphabet 0–9 A–Z without I O S V Z stand in a table by byte; 255 is no letter of it.
create function quality.credit_code_fault(v text) returns text language plpgsql immutable parallel safe as $$
declare
  b bytea := textsend(v);
  t bytea := '\x00010203040506070809ffffffffffffff0a0b0c0d0e0f1011ff1213141516ff171819ff1a1bff1c1d1eff'::bytea;
begin
  if octet_length(b) = 18 and ltrim(b, '0123456789ABCDEFGHJKLMNPQRTUWXY'::bytea) = '' and ltrim(substr(b, 3, 6), '0123456789'::bytea) = ''
    and left(v, 1) in ('1','2','3','4','5','6','7','8','9','A','N','Y')
    and substr(v, 3, 2) in ('10','11','12','13','14','15','21','22','23','31','32','33','34','35','36','37','41','42','43','44','45','46','50','51','52','53','54','61','62','63','64','65','71','81','82','83')
    and (get_byte(t, get_byte(b,0) - 48) + get_byte(t, get_byte(b,1) - 48)*3 + (get_byte(b,2) - 48)*9 + (get_byte(b,3) - 48)*27
      + (get_byte(b,4) - 48)*19 + (get_byte(b,5) - 48)*26 + (get_byte(b,6) - 48)*16 + (get_byte(b,7) - 48)*17
      + get_byte(t, get_byte(b,8) - 48)*20 + get_byte(t, get_byte(b,9) - 48)*29 + get_byte(t, get_byte(b,10) - 48)*25 + get_byte(t, get_byte(b,11) - 48)*13
      + get_byte(t, get_byte(b,12) - 48)*8 + get_byte(t, get_byte(b,13) - 48)*24 + get_byte(t, get_byte(b,14) - 48)*10 + get_byte(t, get_byte(b,15) - 48)*30
      + get_byte(t, get_byte(b,16) - 48)*28 + get_byte(t, get_byte(b,17) - 48)) % 31 = 0 then
    return null;
  end if;
  if length(v) <> 18 then return 'credit-length'; end if;
  if v !~ '^[0-9A-HJ-NPQRTUWXY]{2}[0-9]{6}[0-9A-HJ-NPQRTUWXY]{10}$' then return 'credit-form'; end if;
  if v !~ '^[1-9ANY]' then return 'credit-authority'; end if;
  if substr(v, 3, 2) not in ('10','11','12','13','14','15','21','22','23','31','32','33','34','35','36','37','41','42','43','44','45','46','50','51','52','53','54','61','62','63','64','65','71','81','82','83') then
    return 'credit-area';
  end if;
  return 'credit-check';
end $$;

-- Dates: 8 digits and CCYY-MM-DD pass as they are; other spellings are put in order, or returned unchanged to fail the check.
create function quality.date_cleaned(v text) returns text language plpgsql immutable parallel safe as $$
declare
  p text[] := regexp_match(quality.half_width(v), '^\s*(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?( 0?0:00(:00)?)?\s*$');
begin
  return case when p is null then quality.half_width(v) else p[1] || '-' || lpad(p[2], 2, '0') || '-' || lpad(p[3], 2, '0') end;
end $$;
create function quality.date_value(v text) returns text language sql stable parallel safe
  return case when v like '____-__-__' or octet_length(v) = 8 and ltrim(textsend(v), '0123456789'::bytea) = '' then v else quality.date_cleaned(v) end;
-- `v` comes from date_value. The shape is checked first: the server's input function also takes 'today' and '1/2/2026'.
create function quality.is_date(v text) returns boolean language sql stable parallel safe
  return (octet_length(v) = 8 and ltrim(textsend(v), '0123456789'::bytea) = ''
    or octet_length(v) = 10 and v like '____-__-__' and ltrim(textsend(v), '0123456789-'::bytea) = '')
    and quality.valid_input(v, 'date');

create function quality.datetime_cleaned(v text) returns text language plpgsql stable parallel safe as $$
declare
  h text := quality.half_width(v);
  p text[];
begin
  p := regexp_match(h, '^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)$');
  if p is not null then return format('%s-%s-%s %s:%s:%s', p[1], p[2], p[3], p[4], p[5], p[6]); end if;
  p := regexp_match(h, '^(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?(?:[T ]+(\d{1,2}):(\d\d)(?::(\d\d)(\.\d{1,9})?)?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?$');
  if p is null and h ~ '^\d{8}$' then p := array[left(h, 4), substr(h, 5, 2), right(h, 2)]; end if;
  if p is null then return h; end if;
  h := format('%s-%s-%s %s:%s:%s%s', p[1], lpad(p[2], 2, '0'), lpad(p[3], 2, '0'), lpad(coalesce(p[4], '0'), 2, '0'), coalesce(p[5], '00'), coalesce(p[6], '00'), coalesce(p[7], ''));
  -- A value with a zone is brought to Beijing time; the others are Beijing time already.
  if p[8] is not null and quality.valid_input(h || p[8], 'timestamptz') then
    return ((h || p[8])::timestamptz at time zone 'Asia/Shanghai')::text;
  end if;
  return h;
end $$;
create function quality.datetime_value(v text) returns text language sql stable parallel safe
  return case when v like '____-__-__ __:__:__' then v else quality.datetime_cleaned(v) end;
create function quality.is_datetime(v text) returns boolean language sql stable parallel safe
  return v like '____-__-__ __:__:__%' and ltrim(textsend(v), '0123456789-:. '::bytea) = '' and quality.valid_input(v, 'timestamp');

-- Numbers lose thousands separators, 元 and ¥, nothing else.
create function quality.number_cleaned(v text) returns text language plpgsql immutable parallel safe as $$
declare
  h text := regexp_replace(regexp_replace(btrim(quality.half_width(v)), '^[¥]', ''), '元$', '');
begin
  if h ~ '^[-+]?\d{1,3}(,\d{3})+(\.\d+)?$' then h := replace(h, ',', ''); end if;
  return ltrim(h, '+');
end $$;
create function quality.number_value(v text) returns text language sql stable parallel safe
  return case when ltrim(textsend(v), '0123456789.-'::bytea) = '' then v else quality.number_cleaned(v) end;
create function quality.is_number(v text) returns boolean language sql stable parallel safe
  return ltrim(textsend(v), '0123456789.-'::bytea) = '' and quality.valid_input(v, 'numeric');
create function quality.is_integer(v text) returns boolean language sql stable parallel safe
  return ltrim(textsend(v), '0123456789-'::bytea) = '' and quality.valid_input(v, 'bigint');
create function quality.is_long_integer(v text) returns boolean language sql stable parallel safe
  return ltrim(textsend(v), '0123456789-'::bytea) = '' and quality.valid_input(v, 'numeric');
create function quality.is_float(v text) returns boolean language sql stable parallel safe
  return ltrim(textsend(v), '0123456789.-+eE'::bytea) = '' and quality.valid_input(v, 'double precision');

do $$
begin
  grant usage on schema quality to huitong_app;
exception when undefined_object then null;
end $$;
