package pc_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/postern-mam/postern/sdk/pc"
)

func TestAnAppBelongsToTheOrganizationOfTheAgent(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("POSTERN_AGENT_DIR", dir)
	for _, name := range []string{"POSTERN_AUTHORITY", "POSTERN_CA", "POSTERN_DEVELOPMENT_HEALTH"} {
		t.Setenv(name, "")
	}
	if _, err := pc.Config("com.example.notes", "1.0"); err == nil || !strings.Contains(err.Error(), "POSTERN_AUTHORITY") {
		t.Errorf("without an agent: %v", err)
	}
	keep := func(doc string) {
		if err := os.WriteFile(filepath.Join(dir, "agent.json"), []byte(doc), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	keep(`{"authority":"https://id.example/t"}`)
	cfg, err := pc.Config("com.example.notes", "1.0")
	if err != nil || cfg.Authority != "https://id.example/t" || filepath.Dir(filepath.Dir(cfg.Dir)) != dir {
		t.Fatalf("%+v, %v", cfg, err)
	}
	if _, err := pc.New("com.example.notes", "1.0"); err != nil {
		t.Error(err)
	}
	t.Setenv("POSTERN_AUTHORITY", "https://other.example/t")
	if cfg, err := pc.Config("com.example.notes", "1.0"); err != nil || cfg.Authority != "https://other.example/t" {
		t.Errorf("%+v, %v", cfg, err)
	}
	t.Setenv("POSTERN_CA", filepath.Join(dir, "agent.json"))
	if _, err := pc.Config("com.example.notes", "1.0"); err == nil || !strings.Contains(err.Error(), "no PEM") {
		t.Errorf("a file without certificates: %v", err)
	}
	keep("{")
	if _, err := pc.Config("com.example.notes", "1.0"); err == nil || !strings.Contains(err.Error(), "install") {
		t.Errorf("half a file: %v", err)
	}
}
