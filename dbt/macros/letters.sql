{#- A letter that is no plain one with a mark, and what English writes for it. -#}
{% macro other_letters() -%} ŁL ØO ĐD ÐD ĦH ŦT ÆAE ŒOE ẞSS ÞTH {%- endmacro %}

{#-
  The letters A to Z of a text in capitals, accents left off and other letters written out. Spark has no strip_accents, so it has
  every letter that Unicode makes of a plain one and marks. A test tries all of Unicode.
-#}
{% macro plain_letters(text) %}
    {{- return((adapter.dispatch('plain_letters') if execute else default__plain_letters)(text)) -}}
{% endmacro %}
{% macro default__plain_letters(text) -%}
{#- a text of as many bytes as characters, as nearly all are, has no such letter -#}
{%- set plain = namespace(sql='upper(strip_accents(trim(' ~ text ~ ')))') -%}
{%- for pair in other_letters().split() -%}
    {%- set plain.sql = "replace(" ~ plain.sql ~ ", '" ~ pair[0] ~ "', '" ~ pair[1:] ~ "')" -%}
{%- endfor -%}
{#- and one of letters only, as most are, has nothing to leave out: to look is quicker than to replace -#}
case
    when {{ is_like(text, '[A-Za-z]*') }} then upper({{ text }})
    else regexp_replace(
        case when strlen({{ text }}) = length({{ text }}) then upper({{ text }}) else {{ plain.sql }} end, '[^A-Z]', '', 'g'
    )
end
{%- endmacro %}
{% macro spark__plain_letters(text) -%}
{%- set accented = {
    'A': 'ÀÁÂÃÄÅàáâãäåĀāĂăĄąǍǎǞǟǠǡǺǻȀȁȂȃȦȧḀḁẠạẢảẤấẦầẨẩẪẫẬậẮắẰằẲẳẴẵẶặ\u212b',
    'B': 'ḂḃḄḅḆḇ',
    'C': 'ÇçĆćĈĉĊċČčḈḉ',
    'D': 'ĎďḊḋḌḍḎḏḐḑḒḓ',
    'E': 'ÈÉÊËèéêëĒēĔĕĖėĘęĚěȄȅȆȇȨȩḔḕḖḗḘḙḚḛḜḝẸẹẺẻẼẽẾếỀềỂểỄễỆệ',
    'F': 'Ḟḟ',
    'G': 'ĜĝĞğĠġĢģǦǧǴǵḠḡ',
    'H': 'ĤĥȞȟḢḣḤḥḦḧḨḩḪḫẖ',
    'I': 'ÌÍÎÏìíîïĨĩĪīĬĭĮįİıǏǐȈȉȊȋḬḭḮḯỈỉỊị',
    'J': 'Ĵĵǰ',
    'K': 'ĶķǨǩḰḱḲḳḴḵ\u212a',
    'L': 'ĹĺĻļĽľḶḷḸḹḺḻḼḽ',
    'M': 'ḾḿṀṁṂṃ',
    'N': 'ÑñŃńŅņŇňǸǹṄṅṆṇṈṉṊṋ',
    'O': 'ÒÓÔÕÖòóôõöŌōŎŏŐőƠơǑǒǪǫǬǭȌȍȎȏȪȫȬȭȮȯȰȱṌṍṎṏṐṑṒṓỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợǾǿ',
    'P': 'ṔṕṖṗ',
    'R': 'ŔŕŖŗŘřȐȑȒȓṘṙṚṛṜṝṞṟ',
    'S': 'ŚśŜŝŞşŠšſȘșṠṡṢṣṤṥṦṧṨṩẛ',
    'T': 'ŢţŤťȚțṪṫṬṭṮṯṰṱẗ',
    'U': 'ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųƯưǓǔǕǖǗǘǙǚǛǜȔȕȖȗṲṳṴṵṶṷṸṹṺṻỤụỦủỨứỪừỬửỮữỰự',
    'V': 'ṼṽṾṿ',
    'W': 'ŴŵẀẁẂẃẄẅẆẇẈẉẘ',
    'X': 'ẊẋẌẍ',
    'Y': 'ÝýÿŶŷŸȲȳẎẏẙỲỳỴỵỶỷỸỹ',
    'Z': 'ŹźŻżŽžẐẑẒẓẔẕ',
    'Æ': 'ǢǣǼǽ'
} -%}
{%- set plain = [] -%}
{%- for letter, those in accented.items() -%} {%- do plain.append(letter * (those | length)) -%} {%- endfor -%}
{%- set unmarked = namespace(sql="translate(" ~ text ~ ", '" ~ accented.values() | join ~ "', '" ~ plain | join ~ "')") -%}
{%- for pair in other_letters().split() -%}
    {%- for either in (pair[0], pair[0] | lower) -%}
        {%- set unmarked.sql = "replace(" ~ unmarked.sql ~ ", '" ~ either ~ "', '" ~ pair[1:] ~ "')" -%}
    {%- endfor -%}
{%- endfor -%}
upper(regexp_replace({{ unmarked.sql }}, '[^A-Za-z]', ''))
{%- endmacro %}
