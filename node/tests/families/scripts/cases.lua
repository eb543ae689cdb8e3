-- Scripts and commands whose replies are compared with a redis-server's, one a line.
-- `script ## numkeys key … argument …` is an EVAL (without `##` there are no keys); `\N` in it is a line end.
-- `!` begins a command, its words at single spaces, with escapes.
return 1
return 'a'
return 3.99
return -3.99
return 1e300
return 0/0
return {1,2,3,nil,4}
return {1,{2,{3,'x'}},'y'}
return true
return false
return nil
return {true,false,nil}
return {ok='fine'}
return {err='My error'}
return {err='NOSPACE'}
return {err='a\r\nb\r\n'}
return {ok='a\r\nb'}
return {double=3.5}
return {double='x'}
return {big_number='123456789012345678901234567890'}
return {verbatim_string={format='txt',string='hi'}}
return {verbatim_string={format='t',string='hi'}}
return {verbatim_string={format='txt'}}
return {map={a=1}}
return {set={a=true}}
return {map={[1]={map={b=2}}}}
redis.setresp(3) return true
redis.setresp(3) return {true,false}
return redis.status_reply('hey')
return redis.error_reply('hey')
return redis.error_reply('-hey you')
return redis.error_reply('ERR hey')
return redis.error_reply()
return redis.error_reply(1)
return redis.status_reply({})
return cjson.encode(redis.error_reply('x'))
return KEYS ## 2 a b c d
return ARGV ## 2 a b c d
return {KEYS[1],ARGV[1],#KEYS,#ARGV} ## 1 k v
return redis.call('set',KEYS[1],ARGV[1]) ## 1 k v
return redis.call('get',KEYS[1]) ## 1 k
return redis.call('get','nokey')
return type(redis.call('get','nokey'))
redis.setresp(3) return type(redis.call('get','nokey'))
return redis.call('incr','counter')
return redis.call('lpush','k','x')
return redis.pcall('lpush','k','x')
return {redis.pcall('lpush','k','x')}
return redis.pcall('lpush','k','x').err
return {pcall(redis.call,'lpush','k','x')}
return redis.call('rpush','l',1,2.5,3,1e20,0.1,'z')
return redis.call('lrange','l',0,-1)
return redis.call('hset','h','f',1,'g',2)
return redis.call('hgetall','h')
redis.setresp(3) return redis.call('hgetall','h')
redis.setresp(3) return redis.call('hgetall','h').map.f
return redis.call('sadd','s','a')
redis.setresp(3) return redis.call('smembers','s')
return redis.call('zadd','z',1.5,'a')
return redis.call('zscore','z','a')
redis.setresp(3) return redis.call('zscore','z','a')
redis.setresp(3) return redis.call('zscore','z','a').double
redis.setresp(3) return redis.call('zrange','z',0,-1,'withscores')
return redis.call('ping')
return redis.call('echo','hi')
return redis.call('select',1)
redis.call('select',5) redis.call('set','in5','x') return redis.call('get','in5')
return redis.call('get','in5')
return redis.call('dbsize') >= 0
return redis.call('multi')
return redis.call('eval','return 1',0)
return redis.call('subscribe','x')
return redis.call('config','get','maxmemory')
return redis.call('client','id')
return redis.call()
return redis.call('nocommand')
return redis.call('get')
return redis.call('config')
return redis.call('object','nosub','k')
return redis.call({})
return redis.call('set','k',{})
return redis.call('set','k',nil)
return redis.call('set','k',true)
return redis.pcall('nocommand')
return redis.sha1hex('')
return redis.sha1hex('abc')
return redis.sha1hex()
return redis.sha1hex(12)
return redis.log(redis.LOG_DEBUG,'x')
return redis.log('x')
return redis.log('x','y')
return redis.log(9,'y')
return redis.setresp(2)
return redis.setresp()
return redis.setresp(4)
return redis.set_repl(redis.REPL_ALL)
return redis.set_repl(9)
return redis.set_repl()
return redis.replicate_commands()
return redis.breakpoint()
return {redis.debug('x')}
return redis.acl_check_cmd('get','k')
return redis.acl_check_cmd('nocmd')
return redis.acl_check_cmd()
return type(redis.REDIS_VERSION_NUM)
return type(redis.REDIS_VERSION)
return {redis.LOG_DEBUG,redis.LOG_VERBOSE,redis.LOG_NOTICE,redis.LOG_WARNING,redis.REPL_NONE,redis.REPL_AOF,redis.REPL_SLAVE,redis.REPL_REPLICA,redis.REPL_ALL}
return redis.nofield
x = 1
return x
_G.x = 1
return _G.x
rawset(_G,'x',1)
return rawget(_G,'x')
return type(rawget(_G,'redis'))
setmetatable(_G,{})
redis.x = 1
redis = nil
string.rep = nil
math.x = 1
KEYS = 1
KEYS[1] = 5 return KEYS[1]
return type(getmetatable('').__index)
return debug
return os
return io
return require
return print
return dofile
return loadfile
return module
return package
return newproxy
return setfenv
return getfenv
return type(load)
return type(loadstring)
return loadstring('return 1+1')()
return loadstring('return x')()
return loadstring('syntax error here')
return {loadstring('syntax error here')}
return loadstring('return KEYS[1]')() ## 1 k
return load(function() return nil end)
local n=0 return load(function() n=n+1 if n==1 then return 'return 7' end end)()
error('x')
error('x',0)
error('x',2)
error()
error({err='custom'})
error({err='CODE custom'})
error(5)
error(nil)
return pcall(error,'x')
return {pcall(error,'x')}
return {pcall(error,{err='y'})}
return {pcall(error)}
return {pcall(error,nil)}
return {pcall(function() error('x') end)}
return {pcall(function() error({a=1}) end)}
return {pcall(function() redis.call('nocommand') end)}
return {pcall(redis.call)}
return {pcall(function() return 1,2,3 end)}
return {xpcall(function() error('x') end, function(e) return e..'!' end)}
return {xpcall(function() redis.call('x') end, function(e) return type(e) end)}
return {xpcall(function() redis.call('x') end, function(e) return e.err end)}
return {xpcall(function() return 5 end, function(e) return e end)}
local f = function() redis.call('nocmd') end f()
local f = function() return redis.call('nocmd') end return f()
return (function() error('deep') end)()
local a = {} return a.b.c
local a return a.b
local a return a()
return nil .. 'x'
return {} < {}
return 1 < 'x'
return #5
return -{}
return 'a' + 1
return '10' + 1
return string.rep()
return string.rep('x',3)
return string.rep('x',-1)
return ('x'):rep(3)
return ('x'):nosuch()
return string.format('%5.2f|%d|%s|%q|%x','3.14159',42,'hi','q"\n',255)
return string.format('%d','x')
return string.format('%y',1)
return string.byte('abc',1,-1)
return {string.byte('abc',1,-1)}
return string.char(65,66)
return string.len('abc')
return string.reverse('abc')
return string.lower('ABC')..string.upper('abc')
return string.sub('hello',2,-2)
return table.concat({1,2,3},',')
return table.concat({1,{},3},',')
local t={3,1,2} table.sort(t) return t
local t={3,1,2} table.sort(t,function(a,b) return a>b end) return t
local t={3,1,'x'} table.sort(t) return t
local t={} table.insert(t,1) table.insert(t,1,2) return t
return table.remove({1,2,3})
return table.maxn({1,2,nil,4})
return table.getn({1,2,3})
return math.floor(3.7)
return tostring(math.huge)
return tostring(-math.huge)
return tostring(0/0)
return tostring(1e15)
return tostring(1e14)
return tostring(123456789012345678)
return tostring(0.1)
return tostring(-0)
return tostring(2^53)
return tostring(math.random(0))
return math.random(1,2,3)
return math.max(1,2,3)
return math.fmod(7,3)
return tonumber('0x10')
return tonumber('z',36)
return tonumber('x')
return tostring(nil)..tostring(true)
return select('#',1,2,3)
return select(2,'a','b','c')
return select(-1,'a','b','c')
return unpack({1,2,3})
return {unpack({1,2,3},2)}
return {unpack({1,2,3},2,3)}
return unpack({},1,1e7)
return unpack({},1,9000)
return #{unpack({},1,7000)}
return unpack()
return unpack(1)
return type(next)
return next({})
return next({5})
return {pairs({})}
for k in pairs(nil) do end
return ipairs()
return assert(false)
return assert(false,'msg')
return assert(nil,{err='t'})
return assert(5)
return rawequal('a','a')
return rawget({5},1)
return rawset({},1,2)[1]
return collectgarbage('count') > 0
return collectgarbage()
return collectgarbage('stop')
return collectgarbage('bad')
return gcinfo() > 0
return _VERSION
return coroutine.wrap(function() return 5 end)()
return {coroutine.resume(coroutine.create(function(a) local b = coroutine.yield(a+1) return b*2 end),5)}
local co = coroutine.create(function() error('in co') end) return {coroutine.resume(co)}
local co = coroutine.create(function() redis.call('nocmd') end) local ok,e = coroutine.resume(co) return {type(e),e.err}
local co = coroutine.wrap(function() redis.call('set','co','1') coroutine.yield(1) redis.call('incr','co') end) co() co() return redis.call('get','co')
return coroutine.status(coroutine.create(function() end))
coroutine.yield()
return coroutine.running()
local t = setmetatable({},{__index=function(t,k) return k..'!' end}) return t.x
local t = setmetatable({},{__call=function(self,a) return a end}) return t(4)
return setmetatable({},{__metatable=1}) and 1
local function f() return f()+1 end return f()
local s = 0 for i=1,100000 do s = s + i end return s
return string.find('hello world','wor')
return {string.find('hello world','(o) (w)')}
return {string.find('hello','l',1,true)}
return {string.find('a.b','.',1,true)}
return {string.find('a.b','%.')}
return {string.find('abc','b',-1)}
return {string.find('abc','')}
return {string.find('abc','',10)}
return {string.find('','')}
return {string.match('key=val','(%w+)=(%w+)')}
return {string.match('  trim  ','^%s*(.-)%s*$')}
return {string.match('abc','()b()')}
return string.match('abc','x')
return string.match('2024-01-02','(%d+)-(%d+)-(%d+)')
return {string.match('[[x]]','%[(%b[])%]')}
return {string.match('THE (quick) fox','%((%a+)%)')}
return {string.gsub('hello','l','L')}
return {string.gsub('hello','','-')}
return {string.gsub('hello','.','%0%0')}
return {string.gsub('hello','(l)(l)','%2%1')}
return {string.gsub('abc','%w','%%%0')}
return {string.gsub('abc','b','%9')}
return {string.gsub('abc','b','%')}
return {string.gsub('hello world','%w+',{hello='HI'})}
return {string.gsub('hello world','%w+',function(w) return w:upper() end)}
return {string.gsub('hello','l',function() return nil end)}
return {string.gsub('hello','l',function() return {} end)}
return {string.gsub('hello','l',function() return false end,1)}
return {string.gsub('hello','l','x',1)}
return {string.gsub('abc','^a','x')}
return {string.gsub('aaa','^a','x')}
return {string.gsub('abc','^a',function() return 'z' end)}
return {string.gsub('abc','$','x')}
return {string.gsub('a b c','%s*',function() return '_' end)}
return {string.gsub('x','x',5)}
return {string.gsub(5,5,6)}
return string.gsub('x','x')
return string.gsub('x','x',true)
return string.gsub()
local r={} for w in string.gmatch('one two  three','%a+') do r[#r+1]=w end return r
local r={} for k,v in string.gmatch('a=1, b=2','(%w+)=(%w+)') do r[#r+1]=k..v end return r
local r={} for w in string.gmatch('abc','') do r[#r+1]=w end return #r
local r={} for p in string.gmatch('abc','()') do r[#r+1]=p end return r
return string.find('a','[')
return string.find('a','[a')
return string.find('a','%')
return string.find('a','(')
return string.find('a',')')
return string.find('a','%1')
return string.find('a','(a)%2')
return string.find('abab','(ab)%1')
return string.find('a','%b')
return string.find('a','%f')
return string.find('THE (quick) fox','%f[%a]%a+')
return string.find('x','[^x]')
return string.find('x]','[]]')
return string.find('a-z','[a-]')
return string.find('a','[%a-z]')
return string.find(nil,'x')
return string.find('x')
return string.find('x','x','y')
return {string.find('a\0b','%z')}
return {string.find('a\0b','b')}
return string.rep('(',40):find(string.rep('(',40))
local t={} for i=1,20000 do t[i]=(i*7919)%20011 end table.sort(t) for i=2,#t do if t[i-1]>t[i] then return 'unsorted' end end return {t[1],t[#t],#t}
local t={} for i=1,20000 do t[i]=(i*7919)%20011 end table.sort(t,function(a,b) return a>b end) return {t[1],t[#t]}
!EVAL
!EVAL x
!EVAL return\x201 x
!EVAL return\x201 -1
!EVAL return\x201 2 a
!EVALSHA abc 0
!EVALSHA ffffffffffffffffffffffffffffffffffffffff 0
!EVALSHA zfffffffffffffffffffffffffffffffffffffff 0
!EVALSHA ffffffffffffffffffffffffffffffffffffffff x
!EVALSHA e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
!EVALSHA E0E1F9FABFC9D4800C877A703B823AC0578FF8DB 0
!EVALSHA_RO e0e1f9fabfc9d4800c877a703b823ac0578ff8db 0
!EVAL_RO return\x20redis.call('set','x','1') 0
!EVAL_RO return\x20redis.call('get','k') 0
!EVAL_RO return\x20redis.call('pfcount','k') 0
!EVAL if 0
!EVAL return\x20return 0
!EVAL #!lua\nreturn\x201 0
!EVAL #!lua\x20flags=no-writes\nreturn\x20redis.call('set','a','b') 0
!EVAL #!lua\x20flags=no-writes\nreturn\x20redis.call('get','k') 0
!EVAL_RO #!lua\nreturn\x201 0
!EVAL_RO #!lua\x20flags=no-writes\nreturn\x201 0
!EVAL #!lua\x20flags=bad\nreturn\x201 0
!EVAL #!lua\x20flags=\nreturn\x201 0
!EVAL #!lua\x20x=1\nreturn\x201 0
!EVAL #!lua 0
!EVAL #!js\nreturn 0
!EVAL #!\nreturn 0
!EVAL #!lua\x20"\nreturn 0
!EVAL #!lua\x20flags=no-writes,allow-oom,allow-stale,no-cluster,allow-cross-slot-keys\nerror('line2') 0
!EVAL \n\nerror('x') 0
!EVAL \x1bLua 0
!SCRIPT LOAD return\x201
!SCRIPT LOAD if
!SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db x ffffffffffffffffffffffffffffffffffffffff
!SCRIPT EXISTS
!SCRIPT FLUSH bad
!SCRIPT FLUSH async
!SCRIPT FLUSH sync x
!SCRIPT EXISTS e0e1f9fabfc9d4800c877a703b823ac0578ff8db
!SCRIPT KILL
!SCRIPT HELP
!SCRIPT nosub
!SCRIPT
!FUNCTION FLUSH
!FUNCTION LOAD x
!FUNCTION LOAD #!lua
!FUNCTION LOAD #!lua\n
!FUNCTION LOAD #!lua\x20name=\n
!FUNCTION LOAD #!lua\x20name=a-b\n
!FUNCTION LOAD #!lua\x20name=a\x20name=b\n
!FUNCTION LOAD #!lua\x20foo=a\n
!FUNCTION LOAD #!js\x20name=a\n
!FUNCTION LOAD #!lua\x20name=a\n
!FUNCTION LOAD #!lua\x20name=a\nif
!FUNCTION LOAD #!lua\x20name=a\nerror('x')
!FUNCTION LOAD #!lua\x20name=a\nx=1
!FUNCTION LOAD #!lua\x20name=a\nredis.call('get','x')
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function()
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function('a')
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function('a',1)
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function('a-b',function()end)
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function({},function()end)
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{function_name='a'}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{function_name='a',callback=1}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{function_name='a',callback=function()end,flags=1}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{function_name='a',callback=function()end,flags={'bad'}}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function{function_name='a',callback=function()end,bad=1}
!FUNCTION LOAD #!lua\x20name=a\nredis.register_function('a',function()end)\nredis.register_function('a',function()end)
!FUNCTION LOAD #!lua\x20name=lib1\nredis.register_function('f1',function(k,a)\x20return\x20{k,a}\x20end)
!FUNCTION LOAD #!lua\x20name=lib1\nredis.register_function('f1',function(k,a)\x20return\x20{k,a}\x20end)
!FUNCTION LOAD REPLACE #!lua\x20name=lib1\nredis.register_function('f1',function(k,a)\x20return\x20{k,a,#k}\x20end)
!FUNCTION LOAD bad #!lua\x20name=lib1\nredis.register_function('f1',function(k,a)\x20return\x20{k,a,#k}\x20end)
!FUNCTION LOAD #!lua\x20name=lib2\nredis.register_function('f1',function(k,a)\x20return\x20{k,a}\x20end)
!FUNCTION LIST
!FUNCTION LIST WITHCODE
!FUNCTION LIST LIBRARYNAME LIB*
!FUNCTION LIST LIBRARYNAME x* WITHCODE
!FUNCTION LIST LIBRARYNAME
!FUNCTION LIST bad
!FUNCTION STATS
!FCALL f1 2 a b c
!FCALL f1 0
!FCALL f1 x
!FCALL f1 5 a
!FCALL f1 -1
!FCALL nof 0
!FCALL nof x
!FCALL_RO f1 0
!FUNCTION LOAD REPLACE #!lua\x20name=lib1\nredis.register_function{function_name='f1',callback=function(k,a)\x20return\x20redis.call(unpack(a))\x20end,flags={'no-writes'},description='d'}\nlocal\x20n=0\nredis.register_function('f2',function()\x20n=n+1\x20return\x20n\x20end)
!FCALL_RO f1 0 get k
!FCALL f1 0 set k 1
!FCALL f1 0 nocmd
!FCALL f2 0
!FCALL f2 0
!FUNCTION LIST LIBRARYNAME nolib
!FUNCTION DUMP
!FUNCTION DELETE nolib
!FUNCTION DELETE lib1
!FCALL f1 0
!FUNCTION KILL
!FUNCTION RESTORE x
!FUNCTION RESTORE x bad
!FUNCTION FLUSH bad
!FUNCTION FLUSH SYNC
!FUNCTION HELP
!FUNCTION nosub
return cjson.encode({})
return cjson.encode({1,2,3})
return cjson.encode({a=1})
return cjson.encode({a={},b={1},c={x=cjson.null}})
return cjson.encode('a"b\\c/d\b\f\n\r\t\1\127é')
return cjson.encode(1) .. cjson.encode(1.5) .. cjson.encode(-0) .. cjson.encode(1e15) .. cjson.encode(1e14) .. cjson.encode(123456789012345678)
return cjson.encode(0.1) .. ' ' .. cjson.encode(1/3) .. ' ' .. cjson.encode(1e-10) .. ' ' .. cjson.encode(1e300)
return cjson.encode(true) .. cjson.encode(false) .. cjson.encode(cjson.null) .. cjson.encode(nil)
return cjson.encode(1/0)
return cjson.encode(0/0)
return cjson.encode(print)
return cjson.encode(function() end)
return cjson.encode({[1.5]=1})
return cjson.encode({[true]=1})
return cjson.encode({[1]=1,[3]=3})
return cjson.encode({[100]=1})
return cjson.encode({[11]=1,[1]=1})
return cjson.encode({[10]=1})
return cjson.encode({1,2,nil,4})
return cjson.encode({1,2,x=3})
return cjson.encode({[0]=1})
return cjson.encode({[-1]=1})
return cjson.encode()
return cjson.encode(1,2)
cjson.encode_sparse_array(true) local r = cjson.encode({[100]=1}) cjson.encode_sparse_array(false,2,10) return r
cjson.encode_sparse_array(true,0) local r = #cjson.encode({[100]=1}) cjson.encode_sparse_array(false,2,10) return r
return {cjson.encode_sparse_array()}
local r = {cjson.encode_sparse_array(true,1,3)} cjson.encode_sparse_array(false,2,10) return r
return cjson.encode_sparse_array(1,2,3,4)
local r = {pcall(cjson.encode_sparse_array,true,-1)} cjson.encode_sparse_array(false,2,10) return r
return cjson.encode_max_depth()
local r = cjson.encode_max_depth(5) cjson.encode_max_depth(1000) return r
return cjson.encode_max_depth(0)
return cjson.encode_max_depth('x')
cjson.encode_max_depth(2) local r = {pcall(cjson.encode,{{{1}}})} cjson.encode_max_depth(1000) return r
cjson.decode_max_depth(2) local r = {pcall(cjson.decode,'[[[1]]]')} cjson.decode_max_depth(1000) return r
cjson.decode_max_depth(1000) return cjson.decode_max_depth()
cjson.encode_number_precision(3) local r = cjson.encode(1.23456) cjson.encode_number_precision(14) return r
return cjson.encode_number_precision(15)
return cjson.encode_number_precision()
return cjson.encode_keep_buffer()
return cjson.encode_invalid_numbers()
cjson.encode_invalid_numbers(true) local r = cjson.encode({1/0,-1/0,0/0}) cjson.encode_invalid_numbers(false) return r
cjson.encode_invalid_numbers('null') local r = cjson.encode({1/0,0/0}) local s = cjson.encode_invalid_numbers() cjson.encode_invalid_numbers('off') return {r,s}
return cjson.encode_invalid_numbers('bad')
return cjson.decode_invalid_numbers()
cjson.decode_invalid_numbers(false) local r = {pcall(cjson.decode,'[0x10]')} cjson.decode_invalid_numbers(true) return r
return cjson._NAME .. cjson._VERSION
return type(cjson.null) .. tostring(cjson.null)
return type(cjson.new().encode)
return cjson.decode('[]')
return cjson.decode('{}')
return cjson.decode('[1,2,[3]]')
return cjson.decode('{"a":1}').a
return cjson.decode('{"a":{"b":[1,2,{"c":"d"}]}}').a.b[3].c
return cjson.decode('null') == cjson.null
return cjson.decode('[null]')
return cjson.decode('true')
return cjson.decode('"x"')
return cjson.decode('1.5e3')
return cjson.decode('-5')
return tostring(cjson.decode('1e400'))
return tostring(cjson.decode('nan'))
return tostring(cjson.decode('-inf'))
return tostring(cjson.decode('Infinity'))
return cjson.decode('0x1F')
return cjson.decode('0x1.8p1')
return cjson.decode('+5')
return cjson.decode('01')
return cjson.decode('.5')
return cjson.decode('5.')
return cjson.decode('-')
return cjson.decode('"\\u00e9\\n\\/\\"\\\\"')
return cjson.decode('"\\ud83d\\ude00"')
return cjson.decode('"\\ud83d"')
return cjson.decode('"\\udc00"')
return cjson.decode('"\\u12"')
return cjson.decode('"\\x"')
return cjson.decode('"abc')
return cjson.decode('')
return cjson.decode('[')
return cjson.decode('[1')
return cjson.decode('[1,')
return cjson.decode('[1,]')
return cjson.decode('[1 2]')
return cjson.decode('[,]')
return cjson.decode('{')
return cjson.decode('{a}')
return cjson.decode('{"a"}')
return cjson.decode('{"a":}')
return cjson.decode('{"a":1,}')
return cjson.decode('{"a":1 "b"}')
return cjson.decode('{1:2}')
return cjson.decode('1 2')
return cjson.decode('tru')
return cjson.decode('nul')
return cjson.decode('@')
return cjson.decode(' [ 1 , 2 ] ')
return cjson.decode('[1]\0junk')
return cjson.decode('\0\0')
return cjson.decode()
return cjson.decode(nil)
return cjson.decode({})
return cjson.decode(5)
return cjson.encode(cjson.decode('{"z":1,"a":2,"m":3,"foo":4,"bar":5,"x1":6,"x2":7,"x3":8,"x4":9}'))
return cjson.encode(cjson.decode('[[],{},[{}]]'))
return cjson.encode({a=1,b=2,c=3,d=4,e=5,f=6,g=7,h=8,i=9})
return cjson.encode(redis.pcall('nocmd'))
redis.call('hset','hh','a',1,'b',2,'c',3) redis.setresp(3) return cjson.encode(redis.call('hgetall','hh'))
return cmsgpack.pack(1,2,3)
return cmsgpack.pack()
return cmsgpack.pack({1,2,3})
return cmsgpack.pack({a=1})
return cmsgpack.pack({})
return cmsgpack.pack('x',true,false,nil,1.5,-1,-33,-129,-32769,-2147483649,127,128,255,256,65535,65536,4294967295,4294967296,1e15,1e300,0.1)
return cmsgpack.pack(1/0,-1/0)
return cmsgpack.pack(string.rep('x',31))
return cmsgpack.pack(string.rep('x',32))
return #cmsgpack.pack(string.rep('x',256))
return #cmsgpack.pack(string.rep('x',70000))
return cmsgpack.pack({1,2,nil,4})
return cmsgpack.pack({[1]=1,[3]=3})
return cmsgpack.pack({[1.5]=1})
return cmsgpack.pack({1,2,x=3})
return cmsgpack.pack(cjson.null)
return cmsgpack.pack(function() end)
local t={} for i=1,20 do t[i]=i end return cmsgpack.pack(t)
local t={} for i=1,70000 do t[i]=1 end return #cmsgpack.pack(t)
local t={1} for i=1,30 do t={t} end return cmsgpack.pack(t)
return cmsgpack.unpack(cmsgpack.pack({1,{2,'x'},true}))
return {cmsgpack.unpack(cmsgpack.pack(1,2,3))}
return cmsgpack.unpack(cmsgpack.pack({a='b'})).a
return {cmsgpack.unpack(cmsgpack.pack(-1,-33,-129,-32769,-2147483649,127,128,255,256,65535,65536,4294967295,4294967296,1e15))}
return tostring(cmsgpack.unpack(cmsgpack.pack(0.1)))
return tostring(cmsgpack.unpack('\207\255\255\255\255\255\255\255\255'))
return tostring(cmsgpack.unpack('\207\127\255\255\255\255\255\255\255'))
return tostring(cmsgpack.unpack('\211\128\0\0\0\0\0\0\0'))
return cmsgpack.unpack('')
return cmsgpack.unpack('\193')
return cmsgpack.unpack('\146\1')
return cmsgpack.unpack('\163ab')
return cmsgpack.unpack('\221\255\255\255\255')
return cmsgpack.unpack('\129\192\1')
return cmsgpack.unpack('\129\203\127\248\0\0\0\0\0\0\1')
return cmsgpack.unpack()
return cmsgpack.unpack({})
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3))}
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),1)}
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),2)}
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),3)}
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),4)}
return {cmsgpack.unpack_one(cmsgpack.pack(1,2,3),-1)}
return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),2)}
return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),2,1)}
return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),0,1)}
return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3),-1)}
return {cmsgpack.unpack_limit(cmsgpack.pack(1,2,3))}
return cmsgpack._NAME..cmsgpack._VERSION..cmsgpack._COPYRIGHT..cmsgpack._DESCRIPTION
return struct.pack('<i4',1)
return struct.pack('>i4',-2)
return struct.pack('bBhHlLTiI',1,2,3,4,5,6,7,8,9)
return struct.pack('>bBhHlLTiI',-1,255,-3,65535,-5,6,7,-8,9)
return struct.pack('f',1.5) .. struct.pack('d',1.5) .. struct.pack('>fd',1.5,-2.5)
return struct.pack('s','abc')
return struct.pack('c2','abc')
return struct.pack('c0','abc')
return struct.pack('c5','abc')
return struct.pack('x')
return struct.pack('!4 b i4',1,2)
return struct.pack('!b i8',1,2)
return struct.pack('!3b',1)
return struct.pack('i33',1)
return struct.pack('i32',1)
return struct.pack('i3>i3',1,1)
return struct.pack('i99999999999',1)
return struct.pack('z',1)
return struct.pack('i','x')
return struct.pack('i')
return struct.pack('s',nil)
return struct.pack()
return struct.pack('L',-1) .. struct.pack('L',1e19) .. struct.pack('i',2^33)
return struct.pack('i4i4',1)
return {struct.unpack('<i4',struct.pack('<i4',-5))}
return {struct.unpack('>I2','\1\2')}
return {struct.unpack('bBhH','\255\255\255\255\255\255')}
return {struct.unpack('s','abc\0def')}
return {struct.unpack('s','abc')}
return {struct.unpack('c2','abc')}
return {struct.unpack('c5','abc')}
return {struct.unpack('bc0','\3abcd')}
return {struct.unpack('c0','abc')}
return {struct.unpack('Bc0','\255abc')}
return {struct.unpack('i4','abc')}
return {struct.unpack('i4','abcdefgh',5)}
return {struct.unpack('i4','abcdefgh',0)}
return {struct.unpack('i4','abcdefgh',-1)}
return {struct.unpack('i4','abcdefgh',9)}
return {struct.unpack('!4bi4','\1\0\0\0\2\0\0\0')}
return {struct.unpack('xb','ab')}
return {tostring((struct.unpack('d',struct.pack('d',0.1)))),tostring((struct.unpack('f',struct.pack('f',0.1))))}
return {struct.unpack('z','a')}
return {struct.unpack('','a')}
return {struct.unpack('i16',string.rep('\255',16))}
return {struct.unpack('>i16',string.rep('\1',16))}
return struct.size('i4') + struct.size('!8bd')
return struct.size('s')
return struct.size('c0')
return struct.size('c10')
return struct.size('z')
return struct.size('?')
return bit.tobit(0xffffffff)
return bit.tobit(2^32+5)
return bit.tobit(-1.5)
return bit.tobit(1e20)
return bit.bnot(0)
return bit.band(0xff,0x0f)
return bit.bor(1,2,4)
return bit.bxor(0xff,0x0f,1)
return bit.band()
return bit.band('x')
return bit.band(1,'0x3')
return bit.lshift(1,31)
return bit.lshift(1,32)
return bit.rshift(-1,28)
return bit.arshift(-256,4)
return bit.rol(0x12345678,12)
return bit.ror(0x12345678,12)
return bit.bswap(0x12345678)
return bit.tohex(1)..bit.tohex(-1)..bit.tohex(255,-4)..bit.tohex(0x87654321,4)..bit.tohex(1,100)
return bit.tohex(1,-2147483648)
return bit.lshift(1)
return bit.bnot()
return bit.tohex()
local t={} for i=1,7000 do t[i]='x'..i end return redis.call('sadd','big',unpack(t))
local t={} for i=1,7000 do t[i]=i end return #{cmsgpack.unpack(cmsgpack.pack(unpack(t)))}
local t={} for i=1,200 do t={t} end return #cjson.encode(t)
local t={} for i=1,900 do t={a=t} end return #cjson.encode(t)
return #cjson.encode(cjson.decode(string.rep('{"a":',900)..'1'..string.rep('}',900)))
return {xpcall(function() error('x') end, function(e) error('y') end)}
return {xpcall(function() error('x') end, function(e) return 1,2 end)}
return {xpcall(function() error('x') end, 5)}
return {xpcall(5, function(e) return e end)}
return getmetatable('').__index == string
return type(getmetatable(''))
getmetatable('').__index = 1
math.randomseed(5) return tostring(math.random())
math.randomseed(-5) return {math.random(10),math.random(5,9),tostring(math.random())}
return math.random(0)
return math.random(5,1)
return math.random(1,2,3)
local n={} for k in pairs(redis) do n[#n+1]=k end table.sort(n) return n
local n={} for k in pairs(_G) do if k~='__redis__err__handler' then n[#n+1]=k end end table.sort(n) return n
local r={} for _,t in ipairs({'bit','cjson','cmsgpack','struct','string','math','table','coroutine'}) do local n={} for k in pairs(_G[t]) do n[#n+1]=k end table.sort(n) r[#r+1]=n end return r
local n={} for k,v in next,redis do n[#n+1]=k..type(v) end table.sort(n) return n
local n=0 table.foreach(redis,function() n=n+1 end) return n
local n=0 for k in pairs(redis) do if rawget(redis,k)==redis[k] then n=n+1 end end return n
return table.foreach(cjson,function(k,v) if k=='encode' then return type(v) end end)
for _,t in pairs(_G) do if type(t)=='table' and t~=_G and t~=KEYS and t~=ARGV then t.x=1 end end
local _,t=pairs(redis) t.x=1
local _,t=pairs(_G) rawset(t,'x',1)
local n=0 for k,v in pairs({1,2,3,a=4}) do n=n+v end return n
local t={a=1} for k in pairs(t) do t[k]=nil end return next(t)==nil
local x=next(redis,'nope')
local x=next({},'x')
local x=next(1)
local x=next()
local x=pairs(1)
local x=pairs(nil)
local x=pairs()
return pcall(next)
return load('return 1')
return load(1)
return load()
return load({},'name')
local n=0 return load(function() n=n+1 return n==1 and 'return 7' or nil end)()
local x=table.foreach(1,2)
local x=table.foreach(redis,2)
!DEBUG PROTOCOL string
!DEBUG PROTOCOL integer
!DEBUG PROTOCOL double
!DEBUG PROTOCOL null
!DEBUG PROTOCOL array
!DEBUG PROTOCOL set
!DEBUG PROTOCOL map
!DEBUG PROTOCOL attrib
!DEBUG PROTOCOL push
!DEBUG PROTOCOL verbatim
!DEBUG PROTOCOL true
!DEBUG PROTOCOL False
!DEBUG PROTOCOL bignum
!DEBUG PROTOCOL nothing
!DEBUG PROTOCOL
!DEBUG JMAP
!DEBUG DIGEST
!DEBUG DIGEST x
!DEBUG DIGEST-VALUE
!FLUSHALL
!DEBUG DIGEST
for i=1,300 do redis.call('set','s'..i,i) redis.call('rpush','l'..i%7,i,'x'..i) redis.call('sadd','i',i) redis.call('sadd','t','m'..i) redis.call('zadd','z'..i%3,i/7,'m'..i) redis.call('hset','h'..i%5,'f'..i,i) end
!SADD small a b 1
!ZADD scores inf a -inf b 0.1 c -0 d 1e300 e
!ZADD whole 1 a 2 b 10000000000 c
!SETEX gone 1000 v
!PEXPIRE l0 10000000
!XADD x 1-1 name value number 17
!XADD x 1-2 name value number -9223372036854775808
!XADD x 5-0 other \x00\xff
!XDEL x 1-2
!PFADD hll a b c
!SETBIT bits 1000 1
!SELECT 3
!SET a b
!DEBUG DIGEST-VALUE a nokey a
!SELECT 0
!DEBUG DIGEST-VALUE s1 l0 l1 i t z0 h0 small scores whole gone x hll bits nokey
!DEBUG DIGEST
!DEL x
!DEBUG DIGEST
!REPLICAOF NO ONE
!SLAVEOF no one
!BLPOP nokey 0x
!BLPOP nokey 0x0.004
!BLPOP nokey 0X1P-8
!BLPOP nokey -0x1
!BLPOP nokey 0x1p99
!BLPOP nokey inf
!BLPOP nokey 0x1g
!BZPOPMIN nokey 0x.01
!FLUSHALL
!SADD numbers 7 10 9 1 8 2
!SADD words pear fig apple date
for i=1,200 do redis.call('sadd','large','m'..i) end
return redis.call('sort','words','by','nosort')
return redis.call('sort','words','by','nosort','desc')
return redis.call('sort','numbers','by','nosort')
return redis.call('sort','numbers','by','nosort','desc','limit',1,2)
return redis.call('sort','large','by','nosort','limit',3,5)
return redis.call('sort_ro','large','by','nosort','limit',3,5)
return redis.call('sort','large','by','nosort','get','#','limit',0,3)
redis.call('zadd','z',3,'c',1,'z',2,'a') return redis.call('sort','z','by','nosort','desc')
redis.call('rpush','list','c','a','b') return redis.call('sort','list','by','nosort')
!FLUSHALL
!SET key:3 mine
!DEBUG POPULATE 12
!GET key:3
!GET key:11
!GET key:12
!DEBUG POPULATE 5 {p} 10
!GET {p}:4
!DEBUG POPULATE 5 {q} 3
!GET {q}:4
!DEBUG POPULATE 3 {r} 0
!GET {r}:2
!DEBUG POPULATE 0
!DEBUG POPULATE -1
!DEBUG POPULATE x
!DEBUG POPULATE 1 p -1
!DEBUG POPULATE 1 p x
!DEBUG POPULATE
!DEBUG POPULATE 1 p 1 x
!SELECT 3
!DEBUG POPULATE 2000
!DBSIZE
!SELECT 0
!DBSIZE
!DEBUG DIGEST
!FUNCTION RESTORE x FLUSH EXTRA
!function restore x flush extra
