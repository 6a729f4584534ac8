// Package graphsdk drives the real binary with the released Microsoft Graph SDK
// for Go, version 1.101.0, and with azidentity, which signs in through MSAL. The
// SDK is unmodified: its own HTTP client with its middlewares (compression,
// retry, redirect), its bearer provider with an allow-list of hosts, its models
// with their backing store.
//
// It is a module of its own because the SDK's models take minutes and four
// gigabytes to compile; scripts/graphsdk.sh runs it. POSTERN_BINARY names a
// binary to test; without it the module above is built.
package graphsdk_test

import (
	"bufio"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	abstractions "github.com/microsoft/kiota-abstractions-go"
	absauth "github.com/microsoft/kiota-abstractions-go/authentication"
	"github.com/microsoft/kiota-abstractions-go/serialization"
	"github.com/microsoft/kiota-abstractions-go/store"
	form "github.com/microsoft/kiota-serialization-form-go"
	jsonserialization "github.com/microsoft/kiota-serialization-json-go"
	multipart "github.com/microsoft/kiota-serialization-multipart-go"
	text "github.com/microsoft/kiota-serialization-text-go"
	core "github.com/microsoftgraph/msgraph-sdk-go-core"
	"github.com/microsoftgraph/msgraph-sdk-go-core/authentication"
	"github.com/microsoftgraph/msgraph-sdk-go/applications"
	"github.com/microsoftgraph/msgraph-sdk-go/deviceappmanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/devicemanagement"
	"github.com/microsoftgraph/msgraph-sdk-go/groups"
	"github.com/microsoftgraph/msgraph-sdk-go/identity"
	"github.com/microsoftgraph/msgraph-sdk-go/users"
)

const (
	startLimit = 30 * time.Second
	sdkVersion = "1.101.0"
	scope      = "https://graph.microsoft.com/.default"
)

// service is a running postern, as its bootstrap.json describes it.
type service struct {
	Authority, GraphEndpoint, TenantID    string
	ClientID, ClientSecret, CACertificate string
}

// start runs postern with a fresh data directory on a free port of loopback, and
// makes this process trust it, as an admin does: by SSL_CERT_FILE.
func start(t *testing.T) service {
	t.Helper()
	data := filepath.Join(t.TempDir(), "data")
	cmd := exec.Command(binary(t), "serve", "--data", data, "--listen", "127.0.0.1:0", "--log-level", "error")
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	check(t, err)
	check(t, cmd.Start())
	ready, done := make(chan bool, 1), make(chan error, 1)
	go func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "serving ") {
				ready <- true
			}
		}
		done <- cmd.Wait()
	}()
	select {
	case <-ready:
	case err := <-done:
		t.Fatalf("the service stopped: %v", err)
	case <-time.After(startLimit):
		t.Fatal("the service does not start")
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		<-done
	})
	var s service
	doc, err := os.ReadFile(filepath.Join(data, "bootstrap.json"))
	check(t, err)
	check(t, json.Unmarshal(doc, &s))
	t.Setenv("SSL_CERT_FILE", s.CACertificate)
	return s
}

func binary(t *testing.T) string {
	t.Helper()
	if bin := os.Getenv("POSTERN_BINARY"); bin != "" {
		return bin
	}
	bin := filepath.Join(t.TempDir(), "postern")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./cmd/postern")
	build.Dir = filepath.Join("..", "..")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return bin
}

// graph is what the SDK's root package makes of an adapter, for the parts of
// Graph that are tested here: the root package would compile all of Graph.
type graph struct {
	adapter *core.GraphRequestAdapterBase
	base    string
}

func (g graph) users() *users.UsersRequestBuilder {
	return users.NewUsersRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) groups() *groups.GroupsRequestBuilder {
	return groups.NewGroupsRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) applications() *applications.ApplicationsRequestBuilder {
	return applications.NewApplicationsRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) apps() *deviceappmanagement.DeviceAppManagementRequestBuilder {
	return deviceappmanagement.NewDeviceAppManagementRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) devices() *devicemanagement.DeviceManagementRequestBuilder {
	return devicemanagement.NewDeviceManagementRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) identity() *identity.IdentityRequestBuilder {
	return identity.NewIdentityRequestBuilderInternal(g.path(), g.adapter)
}

func (g graph) path() map[string]string { return map[string]string{"baseurl": g.base} }

// connect signs in as the application of bootstrap.json.
func (s service) connect(t *testing.T) graph { return s.through(t, s.GraphEndpoint) }

// through connects by way of another address.
func (s service) through(t *testing.T, endpoint string) graph {
	t.Helper()
	provider, err := authentication.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		s.credential(t), []string{scope}, []string{"127.0.0.1", "localhost"})
	check(t, err)
	return dial(t, provider, endpoint)
}

// credential asks the authority for tokens, discovery of Microsoft's own
// authorities being off.
func (s service) credential(t *testing.T) *azidentity.ClientSecretCredential {
	t.Helper()
	authority, _ := strings.CutSuffix(s.Authority, s.TenantID)
	c, err := azidentity.NewClientSecretCredential(s.TenantID, s.ClientID, s.ClientSecret, &azidentity.ClientSecretCredentialOptions{
		ClientOptions:            azcore.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: authority}},
		DisableInstanceDiscovery: true,
	})
	check(t, err)
	return c
}

// dial does what NewGraphServiceClientWithCredentialsAndHosts does.
func dial(t *testing.T, provider absauth.AuthenticationProvider, endpoint string) graph {
	t.Helper()
	for _, factory := range []func() serialization.SerializationWriterFactory{
		func() serialization.SerializationWriterFactory {
			return jsonserialization.NewJsonSerializationWriterFactory()
		},
		func() serialization.SerializationWriterFactory { return text.NewTextSerializationWriterFactory() },
		func() serialization.SerializationWriterFactory { return form.NewFormSerializationWriterFactory() },
		func() serialization.SerializationWriterFactory {
			return multipart.NewMultipartSerializationWriterFactory()
		},
	} {
		abstractions.RegisterDefaultSerializer(factory)
	}
	for _, factory := range []func() serialization.ParseNodeFactory{
		func() serialization.ParseNodeFactory { return jsonserialization.NewJsonParseNodeFactory() },
		func() serialization.ParseNodeFactory { return text.NewTextParseNodeFactory() },
		func() serialization.ParseNodeFactory { return form.NewFormParseNodeFactory() },
	} {
		abstractions.RegisterDefaultDeserializer(factory)
	}
	adapter, err := core.NewGraphRequestAdapterBase(provider, core.GraphClientOptions{GraphServiceLibraryVersion: sdkVersion})
	check(t, err)
	g := graph{adapter: adapter, base: endpoint + "/v1.0"}
	adapter.SetBaseUrl(g.base)
	adapter.EnableBackingStore(store.BackingStoreFactoryInstance)
	return g
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%v%s", err, said(err))
	}
}

func pointer[T any](v T) *T { return &v }
