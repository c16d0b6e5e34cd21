import os,subprocess,shutil
W='/work/helpers/b/target/debug/weir'
def case(name,tpl,values='{}',chart='',files={}):
    d='c'; shutil.rmtree(d,ignore_errors=True); os.makedirs(d+'/templates')
    open(d+'/Chart.yaml','w').write('apiVersion: v2\nname: c\nversion: 0.1.0\n'+chart); open(d+'/values.yaml','w').write(values); open(d+'/templates/a.yaml','w').write(tpl)
    for f,t in files.items():
        os.makedirs(os.path.dirname(d+'/'+f),exist_ok=True); open(d+'/'+f,'w').write(t)
    r=subprocess.run(['/usr/bin/time','-f','%e s %M',W,'helm','template',d],capture_output=True,text=True)
    e=r.stderr.strip().split('\n'); print(name,'rc',r.returncode,e[-1],'|',' '.join(e[:-1])[-160:],'| out',len(r.stdout),flush=True)
deep='{{ $d := dict }}{{ range until %d }}{{ $d = dict "a" $d }}{{ end }}'
deepl='{{ $d := list }}{{ range until %d }}{{ $d = list $d }}{{ end }}'
for n in (20000,200000):
  for f in ['','{{ toYaml $d | len }}','{{ toJson $d | len }}','{{ toToml $d | len }}','{{ deepCopy $d | kindOf }}','{{ merge (dict) $d | kindOf }}','{{ mergeOverwrite (dict "a" (dict "a" 1)) $d | kindOf }}','{{ eq $d $d }}','{{ deepEqual $d (deepCopy $d) }}','{{ print $d | len }}','{{ printf "%#v" $d | len }}','{{ toYamlPretty $d | len }}','{{ $d | toString | len }}','{{ values $d | toJson | len }}','{{ toRawJson $d | len }}', '{{ toPrettyJson $d | len }}']:
    case(f'{n} {f}',deep%n+'a: b'+f.replace('{{','#{{'))
  for f in ['','{{ toYaml $d | len }}','{{ flatten $d }}','{{ deepCopy $d | kindOf }}','{{ join "," $d | len }}','{{ compact $d | len }}','{{ has $d $d }}','{{ uniq $d|len }}']:
    case(f'list {n} {f}',deepl%n+'a: b'+f.replace('{{','#{{'))
n=100000
for f in ['fromYaml','fromYamlArray','fromJson','fromJsonArray','fromToml']:
    for t in ['[','{\\"a\\":','- ','a = [']:
        case(f'{f} {t}','{{ $x := %s (repeat %d "%s") }}a: b'%(f,n,t))
case('import','a: b\n',chart='dependencies:\n- name: s\n  version: 0.1.0\n  import-values:\n  - {child: data, parent: "%s"}\n'%('.'.join(['a']*100000)),files={'charts/s/Chart.yaml':'apiVersion: v2\nname: s\nversion: 0.1.0\n','charts/s/values.yaml':'data: {x: 1}\n'})
case('schema','a: b\n',files={'values.schema.json':'{"not":'*100000+'{}'+'}'*100000})
case('schemaref','a: b\n',files={'values.schema.json':'{"$ref":"#"}'})
case('rendered deep','{{ repeat 100000 "- " }}a')
case('rendered deep2','a: {{ repeat 100000 "[" }}')
