"""places_boot.py - a client for a machine in a directory, run with that machine's network. Touches: 127.0.0.1:7071."""

CLIENT = r"""
import http.client, sys, threading, time
got, wrong, end = [], [], threading.Event()
def one():
    con = http.client.HTTPConnection("127.0.0.1", 7071, timeout=30)
    con.request("POST", "/v1/token", b"{}", {"Content-Type": "application/json", "Connection": "close"})
    answer = con.getresponse()
    body = answer.read()
    con.close()
    if answer.status != 200 or b"participant_token" not in body:
        raise ValueError("%d %r" % (answer.status, body[:200]))
def work():
    while not end.is_set():
        try:
            one()
            got.append(1)
        except Exception as error:
            wrong.append(repr(error))
            return
        end.wait(0.01)
many = [threading.Thread(target=work) for _ in range(4)]
for each in many:
    each.start()
while not got and not wrong:
    time.sleep(0.01)
print("begun", flush=True)
while sys.stdin.readline():
    pass
end.set()
for each in many:
    each.join()
print("wrong" if wrong or not got else "ok", len(got), wrong[:3])
"""
