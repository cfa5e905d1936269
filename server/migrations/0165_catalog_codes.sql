-- 信息资源代码: the digits of 类, 项, 目 and 细目, and how a code is put together, as data that a place extends. A row of the nearest place
-- upwards counts; region '' is everywhere. 项 stand in the order of the national guide; a 目 of the seventh 部门 item is the province's place
-- in the order of GB/T 2260. Both orders agree with published codes, but no text at hand gives the digits: a place that knows others adds them.
create table catalog.code_class (
  region text not null default '',
  code text not null check (code ~ '^[123]([0-9]{2}([0-9]{3}[0-9A-Z]*)?)?$'),
  parent text check (code like parent || '_%'),
  name text not null check (name <> ''),
  -- Taken where an entry names none of its siblings.
  usual boolean not null default false,
  primary key (region, code)
);
create unique index code_class_usual on catalog.code_class (region, parent) where usual;

create table catalog.code_pattern (
  region text not null default '',
  kind int not null check (kind in (1, 2, 3)),
  pattern text not null,
  primary key (region, kind)
);

insert into catalog.code_pattern (kind, pattern) values
  (1, '{class}{region}/{seq:6}'),
  (2, '{class}{region}/{seq:6}'),
  (3, '{class}{region}{department:3}/{seq:6}');

insert into catalog.code_class (code, parent, name, usual) values
  ('1', null, '基础信息资源', false),
  ('2', null, '主题信息资源', false),
  ('3', null, '部门信息资源', true);
insert into catalog.code_class (code, parent, name, usual)
  select head || lpad(n::text, 2, '0'), head, name, head || n = '37'
  from (values
    ('1', array['人口', '法人单位', '自然资源和空间地理', '社会信用', '电子证照']),
    ('2', array['公共服务', '健康保障', '社会保障', '食品药品安全', '安全生产', '价格监管', '能源安全', '信用体系', '城乡建设', '社区治理', '生态环保', '应急维稳']),
    ('3', array['党中央', '全国人大常委会', '国务院', '全国政协', '最高人民法院', '最高人民检察院', '省及其下各级政务部门', '计划单列市及其下各级政务部门'])
  ) t(head, names), unnest(names) with ordinality u(name, n);
insert into catalog.code_class (region, code, parent, name, usual)
  select code || '0000', '307' || lpad(n::text, 3, '0'), '307', name, true
  from unnest(
    array['11', '12', '13', '14', '15', '21', '22', '23', '31', '32', '33', '34', '35', '36', '37', '41', '42', '43', '44', '45', '46', '50', '51', '52', '53', '54', '61', '62', '63', '64', '65'],
    array['北京市', '天津市', '河北省', '山西省', '内蒙古自治区', '辽宁省', '吉林省', '黑龙江省', '上海市', '江苏省', '浙江省', '安徽省', '福建省', '江西省', '山东省', '河南省', '湖北省', '湖南省', '广东省', '广西壮族自治区', '海南省', '重庆市', '四川省', '贵州省', '云南省', '西藏自治区', '陕西省', '甘肃省', '青海省', '宁夏回族自治区', '新疆维吾尔自治区']
  ) with ordinality u(code, name, n);

do $$
begin
  grant select, insert, update, delete on all tables in schema catalog to huitong_app;
exception when undefined_object then null; -- no such role: requests run as the owner (migration 0010)
end $$;
