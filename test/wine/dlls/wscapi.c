/*
 * A stand-in for Windows Security Center, which Wine lacks: wscapi.dll as
 * Microsoft documents it (learn.microsoft.com, wscapi.h), with what it says read
 * from the registry.
 *
 * HKCU\Software\PosternTest\SecurityCenter holds one DWORD for each provider:
 * antivirus, firewall, autoUpdate, internetSettings, userAccountControl and
 * securityCenter: 0 good, 1 not monitored, 2 poor, 3 snoozed, or any other number.
 * A DWORD "result" other than 0 is returned by every question instead (1 is
 * S_FALSE: the service does not run). What is not there is good.
 */
#define WIN32_LEAN_AND_MEAN
#include <windows.h>

#define KEY L"Software\\PosternTest\\SecurityCenter"

struct watch {
    LPTHREAD_START_ROUTINE callback;
    PVOID context;
    HANDLE stop, changed, thread;
    HKEY key;
};

static const struct {
    DWORD bit;
    const WCHAR *name;
} providers[] = {
    {1, L"firewall"}, {2, L"autoUpdate"}, {4, L"antivirus"}, {16, L"internetSettings"}, {32, L"userAccountControl"}, {64, L"securityCenter"},
};

static DWORD number(const WCHAR *name) {
    DWORD value = 0, size = sizeof value;
    if (RegGetValueW(HKEY_CURRENT_USER, KEY, name, RRF_RT_REG_DWORD, NULL, &value, &size) != ERROR_SUCCESS) return 0;
    return value;
}

/* Of several providers in one question the worst counts. */
HRESULT WINAPI WscGetSecurityProviderHealth(DWORD asked, DWORD *health) {
    static const DWORD rank[] = {0, 2, 3, 1};
    DWORD worst = 0, result = number(L"result");
    unsigned i;
    if (result != 0) return (HRESULT)result;
    if (health == NULL) return E_INVALIDARG;
    for (i = 0; i < sizeof providers / sizeof providers[0]; i++) {
        DWORD state;
        if (!(asked & providers[i].bit)) continue;
        state = number(providers[i].name);
        if (state > 3 || (worst <= 3 && rank[state] > rank[worst])) worst = state;
    }
    *health = worst;
    return S_OK;
}

static DWORD WINAPI watching(LPVOID p) {
    struct watch *w = p;
    HANDLE events[2] = {w->stop, w->changed};
    for (;;) {
        if (WaitForMultipleObjects(2, events, FALSE, INFINITE) != WAIT_OBJECT_0 + 1) return 0;
        RegNotifyChangeKeyValue(w->key, TRUE, REG_NOTIFY_CHANGE_LAST_SET | REG_NOTIFY_CHANGE_NAME, w->changed, TRUE);
        w->callback(w->context); /* on a thread that the caller does not know, as Windows does it */
    }
}

HRESULT WINAPI WscRegisterForChanges(PVOID reserved, PHANDLE registration, LPTHREAD_START_ROUTINE callback, PVOID context) {
    struct watch *w;
    if (reserved != NULL || registration == NULL || callback == NULL) return E_INVALIDARG;
    w = HeapAlloc(GetProcessHeap(), HEAP_ZERO_MEMORY, sizeof *w);
    if (w == NULL) return E_OUTOFMEMORY;
    w->callback = callback;
    w->context = context;
    if (RegCreateKeyExW(HKEY_CURRENT_USER, KEY, 0, NULL, 0, KEY_READ, NULL, &w->key, NULL) != ERROR_SUCCESS) return E_FAIL;
    w->stop = CreateEventW(NULL, TRUE, FALSE, NULL);
    w->changed = CreateEventW(NULL, FALSE, FALSE, NULL);
    RegNotifyChangeKeyValue(w->key, TRUE, REG_NOTIFY_CHANGE_LAST_SET | REG_NOTIFY_CHANGE_NAME, w->changed, TRUE);
    w->thread = CreateThread(NULL, 0, watching, w, 0, NULL);
    *registration = w;
    return S_OK;
}

HRESULT WINAPI WscUnRegisterChanges(HANDLE registration) {
    struct watch *w = registration;
    if (w == NULL) return E_INVALIDARG;
    SetEvent(w->stop);
    WaitForSingleObject(w->thread, INFINITE);
    CloseHandle(w->thread);
    CloseHandle(w->stop);
    CloseHandle(w->changed);
    RegCloseKey(w->key);
    HeapFree(GetProcessHeap(), 0, w);
    return S_OK;
}
