{#-
  The letters A to Z of a text in capitals, accents left off. Spark has no strip_accents, so it has every letter that
  Unicode makes of a plain one and marks. A test tries all of Unicode.
-#}
{% macro plain_letters(text) %}
    {{- return((adapter.dispatch('plain_letters') if execute else default__plain_letters)(text)) -}}
{% endmacro %}
{% macro default__plain_letters(text) -%}
regexp_replace(upper(strip_accents(trim({{ text }}))), '[^A-Z]', '', 'g')
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
    'O': 'ÒÓÔÕÖòóôõöŌōŎŏŐőƠơǑǒǪǫǬǭȌȍȎȏȪȫȬȭȮȯȰȱṌṍṎṏṐṑṒṓỌọỎỏỐốỒồỔổỖỗỘộỚớỜờỞởỠỡỢợ',
    'P': 'ṔṕṖṗ',
    'R': 'ŔŕŖŗŘřȐȑȒȓṘṙṚṛṜṝṞṟ',
    'S': 'ŚśŜŝŞşŠšſȘșṠṡṢṣṤṥṦṧṨṩẛ',
    'T': 'ŢţŤťȚțṪṫṬṭṮṯṰṱẗ',
    'U': 'ÙÚÛÜùúûüŨũŪūŬŭŮůŰűŲųƯưǓǔǕǖǗǘǙǚǛǜȔȕȖȗṲṳṴṵṶṷṸṹṺṻỤụỦủỨứỪừỬửỮữỰự',
    'V': 'ṼṽṾṿ',
    'W': 'ŴŵẀẁẂẃẄẅẆẇẈẉẘ',
    'X': 'ẊẋẌẍ',
    'Y': 'ÝýÿŶŷŸȲȳẎẏẙỲỳỴỵỶỷỸỹ',
    'Z': 'ŹźŻżŽžẐẑẒẓẔẕ'
} -%}
{%- set plain = [] -%}
{%- for letter, those in accented.items() -%} {%- do plain.append(letter * (those | length)) -%} {%- endfor -%}
upper(regexp_replace(translate({{ text }}, '{{ accented.values() | join }}', '{{ plain | join }}'), '[^A-Za-z]', ''))
{%- endmacro %}
