"""Logs as the programs of a delivery write them, what `kurier diagnose` must say of each, and how it is asked."""

import json
import subprocess

import kurier

MODEL = "ModelName=AC_0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0%2FLogicalName_11112222_3333_4444_5555_666677778888;Hash=-4711"
APPLE_MODEL = MODEL.replace("%2F", "/")
WINDOWS_MODEL = "ModelName_AC_0f1e2d3c-4b5a-6978-8796-a5b4c3d2e1f0_LogicalName_11112222_3333_4444_5555_666677778888_Hash_-4711"
URL = "https://ndes.example.org/certsrv/mscep/mscep.dll"
JSCEP = "org.jscep.transport.UrlConnectionGetTransport"
STATES = "com.microsoft.omadm.platforms.android.certmgr.state.{}StateMachine"


def android(*texts, tab="    ", day="2026-03-01"):
    """Lines of OMADM.log, ten seconds apart: (class, text)."""
    return "".join(f"{day}T09:{i // 6:02d}:{i % 6}0.1230000{tab}VERB{tab}Event{tab}{c}{tab}4711{tab}{i}{tab}{t}\n" for i, (c, t) in enumerate(texts))


TRYING = ("com.microsoft.omadm.platforms.android.certmgr.CertificateEnrollmentManager", f"Trying to enroll certificate request: {MODEL}")
CAPS = (JSCEP, f"Received '200 OK' when sending GetCACaps(ca) to {URL}?operation=GetCACaps&message=ca")
CA_CERT = (JSCEP, f"Received '200 OK' when sending GetCACert(ca) to {URL}?operation=GetCACert&message=ca")
PKCS_REQ = ("org.jscep.message.PkiMessageEncoder",
            "Encoding message: org.jscep.message.PkcsReq@1[messageData=x,messageType=PKCS_REQ,senderNonce=Nonce [00],transId=0123456789ABCDEF0123456789ABCDEF01234567]")
SENT = ("org.jscep.transaction.EnrollmentTransaction", "Sending org.bouncycastle.cms.CMSSignedData@1")


def cert_rep(status, info="<null>"):
    return ("org.jscep.transaction.EnrollmentTransaction",
            f"Response: org.jscep.message.CertRep@2[failInfo={info},pkiStatus={status},recipientNonce=Nonce [00],messageData=x,messageType=CERT_REP,"
            "senderNonce=Nonce [01],transId=0123456789ABCDEF0123456789ABCDEF01234567]")


def state(kind, before, after, machine="NativeScepCertInstall"):
    name = MODEL if kind == "SCEP" else "17"
    return STATES.format(machine), f"{kind} cert '{name}' state changed from {before} to {after}"


INSTALL = [state("SCEP", a, b) for a, b in (("CERT_ENROLLED", "CERT_INSTALL_REQUESTED"), ("CERT_INSTALL_REQUESTED", "CERT_INSTALLING"),
                                            ("CERT_INSTALLING", "CERT_ACCESS_REQUESTED"), ("CERT_ACCESS_REQUESTED", "CERT_ACCESS_GRANTED"))]
BEGIN = [TRYING, CAPS, CA_CERT, PKCS_REQ, SENT]


def apple(*texts, form="console"):
    out = ""
    for i, text in enumerate(texts):
        if form == "console":
            out += f"debug\t18:30:{i:02d}.691033 -0500\tprofiled\t{text}\n"
        elif form == "rtf":
            out += f"Debug 18:30:{i:02d}.691033 -0500 profiled {text}\\ \n"
        elif form == "syslog":
            out += f"May 23 14:15:{i:02d} phone profiled[150] <Notice>: {text}\n"
        else:
            out += f"2026-03-01 09:00:{i:02d}.755219-0600 0x137ae Debug 0x0 2183 0 mdmclient: [com.apple.ManagedClient:scep] {text}\n"
    return out


def request(operation):
    return f"Performing synchronous URL request: {URL}?operation={operation}&message=x"


PROFILE_INSTALLED = f"Profile \"www.windowsintune.com.SCEP.{APPLE_MODEL}\" installed."
APPLE_ALL = [request("GetCACert"), request("GetCACaps"), "Attempting to retrieve issued certificate...", "Sending CSR via GET.",
             request("PKIOperation"), PROFILE_INSTALLED]


def event(number, text, provider="Microsoft-Windows-DeviceManagement-Enterprise-Diagnostics-Provider", form="copy", when="3/1/2026 9:00:01 AM"):
    if form == "copy":
        return f"Log Name:      {provider}/Admin\nSource:        {provider}\nDate:          {when}\nEvent ID:      {number}\nLevel:         Error\nDescription:\n{text}\n\n"
    if form == "german":
        return f"Protokollname: {provider}/Admin\nQuelle:        {provider}\nEreignis-ID:   {number}\nEbene:         Fehler\nBeschreibung:\n{text}\n\n"
    if form == "list":
        return f"TimeCreated  : {when}\nProviderName : {provider}\nId           : {number}\nMessage      : {text[:60]}\n               {text[60:]}\n\n"
    if form == "csv":
        return f"Error,{when},{provider},{number},None,\"{text}\"\n"
    return (f"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='{provider}'/><EventID>{number}</EventID>"
            f"<TimeCreated SystemTime='2026-03-01T09:00:01.000Z'/></System><EventData><Data Name='x'>{text}</Data></EventData></Event>\n")


NDES = "Microsoft-Windows-NetworkDeviceEnrollmentService"
CONNECTOR = "Microsoft-Intune-CertificateConnectors"
ACCEPTED = f"SCEP: CspExecute for UniqueId : ({WINDOWS_MODEL}) InstallLocation : (user) Result : (Unknown Win32 Error code: 0x2ab0003)."
GENERATED = f"SCEP: Certificate request generated successfully. Enhanced Key Usage: (1.3.6.1.5.5.7.3.2), NDES URL: ({URL}/pkiclient.exe), Container Name: ()."


def enroll_failed(code):
    return f"SCEP: Certificate enroll failed. Result: ({code})."


def iis(*rows, fields=False, agent="Dalvik/2.1.0+(Linux;+U;+Android+14)"):
    out = "#Fields: date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status sc-substatus sc-win32-status time-taken\n" if fields else ""
    for i, (method, stem, query, status) in enumerate(rows):
        who = "NDES_Plugin" if "RegistrationSvc" in stem else agent
        out += f"2026-03-01 09:00:{i:02d} 10.0.0.1 {method} {stem} {query} 443 - 10.0.0.9 {who} - {status} 31\n"
    return out


MSCEP = "/certsrv/mscep/mscep.dll/pkiclient.exe"
VERIFY = "/CertificateRegistrationSvc/Certificate/VerifyRequest"
NOTIFY = "/CertificateRegistrationSvc/Certificate/Notify"
GET_CAPS = ("GET", MSCEP, "operation=GetCACaps&message=ca", "200 0 0")
GET_CA = ("GET", MSCEP, "operation=GetCACert&message=ca", "200 0 0")
OPERATION = ("POST", MSCEP, "operation=PKIOperation", "200 0 0")
VERIFIED = ("POST", VERIFY, "-", "201 0 0")
NOTIFIED = ("POST", NOTIFY, "-", "204 0 0")


def svclog(*texts, source="CertificateRegistrationPoint"):
    return "".join(
        "<E2ETraceEvent xmlns=\"http://schemas.microsoft.com/2004/06/E2ETraceEvent\"><System xmlns=\"x\"><EventID>0</EventID>"
        f"<TimeCreated SystemTime=\"2026-03-01T09:00:{i:02d}.1Z\" /><Source Name=\"{source}\" /></System><ApplicationData>{t}</ApplicationData></E2ETraceEvent>"
        for i, t in enumerate(texts))


def cmtrace(*texts):
    return "".join(f'<![LOG[{t}]LOG]!><time="09:00:{i:02d}.123+000" date="3-1-2026" component="NDESPlugin" context="" type="1" thread="7" file="x">\n'
                   for i, t in enumerate(texts))


CASES = {
    # Android
    "android-all": (android(*BEGIN, cert_rep("SUCCESS"), *INSTALL), 5, "delivered", "android-access-granted"),
    "android-tabs": (android(*BEGIN, cert_rep("SUCCESS"), *INSTALL, tab="\t"), 5, "delivered", "android-access-granted"),
    "android-trying": (android(TRYING), 1, "in-progress", "profile-received"),
    "android-contact": (android(TRYING, CAPS, CA_CERT), 2, "in-progress", "contact-ok-no-pkioperation"),
    "android-sent": (android(*BEGIN), 2, "in-progress", "request-sent-no-response"),
    "android-answered": (android(*BEGIN, cert_rep("SUCCESS")), 5, "in-progress", "certrep-received"),
    "android-waits-for-user": (android(*BEGIN, cert_rep("SUCCESS"), *INSTALL[:1]), 5, "in-progress", "android-waiting-user-install"),
    "android-waits-for-access": (android(*BEGIN, cert_rep("SUCCESS"), *INSTALL[:3]), 5, "in-progress", "android-waiting-access-grant"),
    "android-root-waits": (android(state("Root", "CERT_INSTALL_REQUESTED", "CERT_INSTALLING")), 5, "in-progress", "android-root-installing"),
    "android-knox": (android(*BEGIN, state("SCEP", "A", "CERT_ACCESS_GRANTED", "KnoxScepCertInstall")), 5, "delivered", "android-access-granted"),
    "android-install-fails": (android(*BEGIN, state("SCEP", "CERT_INSTALLING", "CERT_INSTALL_FAILED")), 5, "stopped", "android-install-failed"),
    "android-bad-request": (android(*BEGIN, cert_rep("FAILURE", "badRequest")), 3, "stopped", "scep-fail-badrequest"),
    "android-bad-alg": (android(*BEGIN, cert_rep("FAILURE", "badAlg")), 2, "stopped", "scep-fail-badalg"),
    "android-bad-time": (android(*BEGIN, cert_rep("FAILURE", "badTime")), 2, "stopped", "scep-fail-badtime"),
    "android-pending": (android(*BEGIN, cert_rep("PENDING")), 4, "stopped", "android-scep-pending"),
    "android-http-500": (android(TRYING, (JSCEP, f"Received '500 Internal Server Error' when sending GetCACert(ca) to {URL}?operation=GetCACert&message=ca")),
                         2, "stopped", "android-http"),
    "android-no-connection": (android(TRYING, ("x", "org.jscep.transport.TransportException: Error connecting to server")), 2, "stopped", "android-connect"),
    "android-ra-of-another-ca": (android(*BEGIN[:3], ("org.jscep.client.Client", "RA not issued by CA")), 2, "stopped", "android-ra-not-issued-by-ca"),
    "android-retry-succeeds": (android(*BEGIN, cert_rep("FAILURE", "badRequest"), *BEGIN, cert_rep("SUCCESS"), *INSTALL), 5, "delivered", "android-access-granted"),
    # Apple
    "ios-all": (apple(*APPLE_ALL), 5, "delivered", "ios-profile-installed"),
    "ios-rtf": (apple(*APPLE_ALL, form="rtf"), 5, "delivered", "ios-profile-installed"),
    "macos-stream": (apple(*APPLE_ALL[:5], form="stream"), 2, "in-progress", "request-sent-no-response"),
    "ios-profile": (apple(f"Adding dependent {APPLE_MODEL} to parent 1 in domain PayloadDependencyDomainCertificate to system"), 1, "in-progress", "profile-received"),
    "ios-contact": (apple(*APPLE_ALL[:2]), 2, "in-progress", "contact-ok-no-pkioperation"),
    "ios-22013": (apple(*APPLE_ALL[:5], "Cannot retrieve SCEP identity: NSError:", "Domain : MCSCEPErrorDomain", "Code   : 22013"), 3, "stopped", "ios-invalid-pki-response"),
    "ios-22003": (apple(*APPLE_ALL[:1], "Code   : 22003", form="syslog"), 2, "stopped", "ios-ra-response-invalid"),
    # Windows
    "win-all": (event(306, ACCEPTED) + event(36, GENERATED) + event(39, "SCEP: Certificate installed successfully."), 5, "delivered", "win-event-39"),
    "win-list": (event(306, ACCEPTED, form="list") + event(36, GENERATED, form="list"), 2, "in-progress", "win-no-result-after-36"),
    "win-xml": (event(36, GENERATED, form="xml") + event(39, "x", form="xml"), 5, "delivered", "win-event-39"),
    "win-csv": (event(36, "x", form="csv") + event(32, enroll_failed("Unknown Win32 Error code: 0x80072ee7"), form="csv"), 2, "stopped", "dns-failure"),
    "win-german": (event(39, "SCEP: Zertifikat wurde erfolgreich installiert.", form="german"), 5, "delivered", "win-event-39"),
    "win-tls": (event(36, GENERATED) + event(32, enroll_failed("Unknown Win32 Error code: 0x80072f8f")), 2, "stopped", "tls-failure"),
    "win-hash": (event(32, enroll_failed("The hash value is not correct.")), 2, "stopped", "ca-thumbprint-mismatch"),
    "win-signed-decimal": (event(32, enroll_failed("-2145844844")), 2, "stopped", "http-404"),
    "win-404-hex": (event(32, enroll_failed("Unknown Win32 Error code: 0x80190194")), 2, "stopped", "http-404"),
    "win-no-ra": (event(32, enroll_failed("The requested certificate does not exist.")), 2, "stopped", "ra-cert-key-usage-missing"),
    "win-unknown-code": (event(32, enroll_failed("Unknown Win32 Error code: 0x8abc0001")), 2, "stopped", "win-enroll-failed"),
    "win-retry": (event(32, enroll_failed("Unknown Win32 Error code: 0x80072f8f")) + event(36, GENERATED) + event(39, "x"), 5, "delivered", "win-event-39"),
    "certenroll-87": (event(87, "SCEP Certificate enrollment for A via B failed: FailInfo(2): SCEPFailBadRequest EnrollStatus(256): EnrollDenied The request subject "
                                "name is invalid or too long. 0x80094001", "Microsoft-Windows-CertificateServicesClient-CertEnroll"), 4, "stopped", "ca-subject-invalid"),
    # NDES, CA, connectors
    "ndes-31": (event(31, "The Network Device Enrollment Service cannot submit the certificate request (0x800706ba). The RPC server is unavailable.", NDES),
                4, "stopped", "ca-unreachable"),
    "ndes-29": (event(29, "The password in the certificate request cannot be verified. It may have been used already.", NDES), 3, "stopped", "challenge-password-invalid"),
    "ndes-18": (event(18, "x cannot decrypt the client's PKCS7 message (0x80090005).", NDES), 2, "stopped", "request-encrypted-to-wrong-cert"),
    "ndes-10": (event(10, "x cannot retrieve one of its required certificates (0x80070057).", NDES, form="german"), 0, "stopped", "ndes-ra-cert-unusable"),
    "ndes-2": (event(2, "x cannot be started (0x800700ea).", NDES, form="list"), 0, "stopped", "ndes-iis-handler-order"),
    "ca-53": (event(53, "denied request 35 because The permissions on the certificate template do not allow the current user to enroll. 0x80094012",
                    "Microsoft-Windows-CertificationAuthority"), 4, "stopped", "ca-template-denied"),
    "connector-4005": (event(4003, "x", CONNECTOR) + event(4005, "x", CONNECTOR), 3, "stopped", "crp-verify-failed"),
    "connector-4008": (event(4004, "x", CONNECTOR) + event(4006, "x", CONNECTOR) + event(4008, "x", CONNECTOR), 6, "delivered", "reported-event"),
    "connector-4009": (event(4006, "x", CONNECTOR) + event(4009, "x", CONNECTOR), 6, "stopped", "connector-notify-failed"),
    # IIS
    "iis-all": (iis(GET_CAPS, GET_CA, VERIFIED, NOTIFIED, OPERATION), 6, "delivered", "reported-notify-204"),
    "iis-fields": (iis(GET_CAPS, GET_CA, VERIFIED, NOTIFIED, OPERATION, fields=True), 6, "delivered", "reported-notify-204"),
    "iis-contact": (iis(GET_CAPS, GET_CA), 2, "in-progress", "contact-ok-no-pkioperation"),
    "iis-no-notify": (iis(GET_CAPS, GET_CA, VERIFIED, OPERATION), 6, "stopped", "reporting-missing"),
    "iis-403-16": (iis(GET_CAPS, ("POST", VERIFY, "-", "403 16 2148204809")), 3, "stopped", "crp-client-cert-untrusted"),
    "iis-1346": (iis(("GET", MSCEP, "operation=GetCACert&message=ca", "500 0 1346")), 2, "stopped", "iis-impersonation-right-missing"),
    "iis-404-15": (iis(GET_CA, ("GET", MSCEP, "operation=PKIOperation&message=MIA", "404 15 0")), 2, "stopped", "iis-404-15"),
    "iis-404-14": (iis(("GET", MSCEP, "operation=PKIOperation&message=MIA", "404 14 0")), 2, "stopped", "iis-404-14"),
    "iis-503": (iis(("GET", MSCEP, "operation=GetCACaps", "503 0 0")), 2, "stopped", "iis-503"),
    "iis-403-4": (iis(("GET", MSCEP, "operation=GetCACaps", "403 4 5")), 2, "stopped", "iis-403-4"),
    "iis-wrapped": (iis(GET_CAPS, GET_CA).replace(" 10.0.0.9 ", " \n10.0.0.9 "), 2, "in-progress", "contact-ok-no-pkioperation"),
    "iis-admin-url": (iis(("GET", "/certsrv/mscep_admin/mscep.dll", "operation=GetCACaps", "401 2 5")), 2, "in-progress", "suspicious-admin-url"),
    # NDES policy module, registration point, connector
    "plugin-all": ("Calling VerifyRequest ...\nSending request to certificate registration point.\nVerify challenge returns true\nExiting VerifyRequest with 0x0\n"
                   "Calling Notifyrequest ...\nExiting Notify with 0x0\n", 6, "delivered", "reported-notify-0x0"),
    "plugin-cmtrace": (cmtrace("Calling VerifyRequest ...", "Sending request to certificate registration point.", "Verify challenge returns false"),
                       3, "stopped", "challenge-verify-false"),
    "plugin-verified": (cmtrace("Calling VerifyRequest ...", "Verify challenge returns true", "Exiting VerifyRequest with 0x0"), 3, "in-progress", "policy-verified"),
    "plugin-no-answer": ("Calling VerifyRequest ...\nSending request to certificate registration point.\n" * 2, 3, "stopped", "policy-module-client-cert-expired"),
    "plugin-no-answer-yet": ("Calling VerifyRequest ...\nSending request to certificate registration point.\n", 3, "inconclusive",
                             "policy-module-client-cert-expired"),
    "plugin-12175": ("Sending request to certificate registration point.\nFailed to send http request /CertificateRegistrationSvc/Certificate/VerifyRequest. Error 12175\n",
                     3, "stopped", "crp-tls-name-mismatch"),
    "crp-phase-1": (svclog("VerifyRequest Started.", "Validation Phase 1 finished with status False."), 3, "stopped", "challenge-phase1-false"),
    "crp-phase-3": (svclog("VerifyRequest Started.", "Validation Phase 1 finished with status True.", "Validation Phase 3 finished with status False."),
                    3, "stopped", "challenge-phase3-false"),
    "crp-verified": (svclog("VerifyRequest Started.", "VerifyRequest Finished with status True"), 3, "in-progress", "policy-verified"),
    "crp-dropped": (svclog("Notify Started", "Dropping file 00.CRS for x", "Successfully dropped file.", "Notify Finished."), 6, "in-progress", "crs-file-dropped"),
    "connector-uploaded": (svclog("Uploading data to Connector service", "Successfully uploaded the data.", source="NDESConnectorService"), 6, "delivered", "reported-uploaded"),
    "setup-done": ("MSI (c) (28:54) [16:13:11:905]: Product: Microsoft Intune Connector -- Installation completed successfully.\n", 0, "inconclusive", "connector-installed"),
    "setup-fails": ("AddNDESToCertPrivKey: Error 0x80090014: CryptAcquireContext failed. Error hr = 80090014lx\n", 0, "stopped", "connector-setup-cng-key"),
    "intune-expired": ('x INFO IntuneScepServiceClient - {"code":"ChallengeExpired","errorDescription":"x"}\n', 3, "stopped", "intune-challenge-expired"),
    "intune-success": ('x INFO IntuneScepServiceClient - {"code":"Success","errorDescription":""}\n', 3, "in-progress", "policy-verified"),
    # other clients and servers
    "sscep-done": ("./sscep: server returned status code 200\n./sscep: pkistatus: SUCCESS\n./sscep: certificate written as ./local.crt\n", 5, "delivered",
                   "client-certificate-written"),
    "sscep-refused": ("./sscep: pkistatus: FAILURE\n./sscep: reason: Transaction not permitted or supported\n", 3, "stopped", "scep-fail-badrequest"),
    "scepclient": ("level=info ts=x op=GetCACaps error=null took=1ms\nPKCSReq (19) request failed, failInfo: badAlg (0)\n", 2, "stopped", "scep-fail-badalg"),
    "nginx": ('10.0.0.9 - - [01/Mar/2026:09:00:00 +0000] "GET /scep?operation=GetCACaps&message=ca HTTP/1.1" 502 150 "-" "Dalvik"\n', 2, "stopped", "proxy-502"),
    "certmonger-done": ("Request ID '1':\n\tstatus: MONITORING\n\tstuck: no\n", 5, "delivered", "client-certificate-written"),
    "kurier-refused": ("event=refused transaction_id=ab12cd34 time=2026-03-01T09:00:00.000Z level=warn role=front source=10.0.0.9 code=KUR-1403\n",
                       3, "stopped", "challenge-password-invalid"),
}


def diagnose(*arguments, data=None):
    done = subprocess.run([kurier.PROGRAM, "diagnose", *map(str, arguments), "--json"], input=data, capture_output=True, timeout=60)
    assert done.returncode in (0, 1), (done.returncode, done.stderr)
    return json.loads(done.stdout)


def found(answer):
    return answer["stage"], answer["verdict"], answer["cause"]
