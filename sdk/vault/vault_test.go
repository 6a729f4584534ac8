package vault_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"github.com/postern-mam/postern/sdk/internal/disk"
	"github.com/postern-mam/postern/sdk/vault"
)

const (
	chunk  = 64 << 10
	header = 15 + 32
	tag    = 16
)

// open is a sealer that seals nothing.
type open struct{}

func (open) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (open) Open(_ string, sealed []byte) ([]byte, error) { return bytes.Clone(sealed), nil }

// store is a vault and its directory.
type store struct {
	*vault.Vault
	t    *testing.T
	root string
	cut  error // why access is cut
}

func newStore(t *testing.T) *store {
	root := directory(t)
	s := &store{t: t, root: root}
	s.Vault = vault.New(root, open{}, func() error { return s.cut })
	return s
}

// directory is like T.TempDir, and goes where os.RemoveAll does not work (Wine).
func directory(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "postern-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := disk.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// files are the sealed files as they lie on disk.
func (s *store) files() []string {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join(s.root, "organization", "*"))
	must(s.t, err)
	return all
}

// unfinished are the files that are being written.
func (s *store) unfinished() []string {
	s.t.Helper()
	all, err := filepath.Glob(filepath.Join(s.root, "organization.new", "*"))
	must(s.t, err)
	return all
}

// only is the one sealed file.
func (s *store) only() string {
	s.t.Helper()
	all := s.files()
	if len(all) != 1 {
		s.t.Fatalf("files: %q", all)
	}
	return all[0]
}

func (s *store) reader(name string) *vault.File {
	s.t.Helper()
	f, err := s.Open(name)
	must(s.t, err)
	s.t.Cleanup(func() { _ = f.Close() })
	return f
}

// text is data of a size that repeats nowhere.
func text(size int) []byte {
	data := make([]byte, size)
	r := rand.NewChaCha8([32]byte{byte(size), byte(size >> 8), byte(size >> 16)})
	_, _ = r.Read(data)
	return data
}

func sizes() []int {
	return []int{0, 1, tag, chunk - 1, chunk, chunk + 1, 2 * chunk, 3*chunk + 5}
}

func TestWhatIsWrittenInPiecesIsReadInPieces(t *testing.T) {
	s := newStore(t)
	for _, size := range sizes() {
		want, name := text(size), fmt.Sprint(size)
		w, err := s.Create(name)
		must(t, err)
		for rest := want; len(rest) > 0; {
			n := min(len(rest), 1+rand.IntN(2*chunk))
			got, err := w.Write(rest[:n])
			must(t, err)
			rest = rest[got:]
		}
		if _, err := s.Load(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d: seen before it was closed: %v", size, err)
		}
		must(t, w.Close())
		if err := w.Close(); !errors.Is(err, fs.ErrClosed) {
			t.Errorf("closed twice: %v", err)
		}
		f := s.reader(name)
		if f.Size() != int64(size) {
			t.Errorf("%d bytes are %d", size, f.Size())
		}
		if err := iotest.TestReader(f, want); err != nil {
			t.Errorf("%d: %v", size, err)
		}
		if got, err := s.Load(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d bytes came back as %d, %v", size, len(got), err)
		}
	}
}

func TestAnyPlaceReadsAsInAPlainFile(t *testing.T) {
	s := newStore(t)
	data := text(5*chunk + 77)
	must(t, s.Save("a", data))
	f, plain := s.reader("a"), bytes.NewReader(data)
	for range 2000 {
		at := rand.Int64N(int64(len(data)) + 100)
		size := rand.IntN(3 * chunk)
		got, want := make([]byte, size), make([]byte, size)
		n, err := f.ReadAt(got, at)
		m, wanted := plain.ReadAt(want, at)
		if size == 0 {
			continue // bytes.Reader says EOF, others need not
		}
		if n != m || !bytes.Equal(got[:n], want[:m]) || !errors.Is(err, wanted) {
			t.Fatalf("%d at %d: %d, %v; want %d, %v", len(got), at, n, err, m, wanted)
		}
	}
	if _, err := f.ReadAt(make([]byte, 1), -1); err == nil {
		t.Error("read before the beginning")
	}
}

func TestManyReadAtOnce(t *testing.T) {
	s := newStore(t)
	data := text(4 * chunk)
	must(t, s.Save("a", data))
	f := s.reader("a")
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			got := make([]byte, chunk+i)
			for at := range 50 {
				if n, err := f.ReadAt(got, int64(at*1000)); err != nil || !bytes.Equal(got[:n], data[at*1000:at*1000+n]) {
					t.Errorf("at %d: %d, %v", at*1000, n, err)
				}
			}
		})
	}
	group.Wait()
}

func TestAChunkIsOpenedOnceForReadsInARow(t *testing.T) {
	s := newStore(t)
	data := text(3 * chunk)
	must(t, s.Save("a", data))
	f, one := s.reader("a"), make([]byte, 1)
	_, err := f.ReadAt(one, 0)
	must(t, err)
	doc, err := os.ReadFile(s.only())
	must(t, err)
	must(t, os.WriteFile(s.only(), make([]byte, len(doc)), 0o600))
	if _, err := f.ReadAt(one, chunk-1); err != nil || one[0] != data[chunk-1] {
		t.Errorf("the chunk was opened again: %v", err)
	}
	if _, err := f.ReadAt(one, chunk); err == nil {
		t.Error("control: a chunk of zeros opened")
	}
	if _, err := f.ReadAt(one, 0); err == nil {
		t.Error("a chunk is still cached after another did not open")
	}
}

func TestWhatWasChangedOnDiskIsRefused(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("b", text(3*chunk+5)))
	other, err := os.ReadFile(s.only())
	must(t, err)
	must(t, os.Remove(s.only()))
	must(t, s.Save("a", text(3*chunk+5)))
	path := s.only()
	good, err := os.ReadFile(path)
	must(t, err)
	at := func(n int) int { return header + n*(chunk+tag) }
	for name, spoil := range map[string]func([]byte) []byte{
		"nothing":                      func([]byte) []byte { return nil },
		"the header alone":             func(b []byte) []byte { return b[:header] },
		"another format":               func(b []byte) []byte { b[0]++; return b },
		"another salt":                 func(b []byte) []byte { b[header-1]++; return b },
		"a bit of the first chunk":     func(b []byte) []byte { b[header]++; return b },
		"a bit of a tag":               func(b []byte) []byte { b[at(1)-1]++; return b },
		"a bit of the last chunk":      func(b []byte) []byte { b[len(b)-1]++; return b },
		"a byte less":                  func(b []byte) []byte { return b[:len(b)-1] },
		"a byte more":                  func(b []byte) []byte { return append(b, 0) },
		"less than a tag at the end":   func(b []byte) []byte { return b[:at(3)+tag-1] },
		"the last chunk is missing":    func(b []byte) []byte { return b[:at(3)] },
		"two chunks are missing":       func(b []byte) []byte { return b[:at(2)] },
		"the first chunk is missing":   func(b []byte) []byte { return slices.Delete(b, at(0), at(1)) },
		"chunks are swapped":           func(b []byte) []byte { return slices.Concat(b[:at(0)], b[at(1):at(2)], b[at(0):at(1)], b[at(2):]) },
		"a chunk comes twice":          func(b []byte) []byte { return slices.Insert(b, at(1), b[at(0):at(1)]...) },
		"a chunk of another file":      func(b []byte) []byte { return slices.Concat(b[:at(1)], other[at(1):at(2)], b[at(2):]) },
		"another file as a whole":      func([]byte) []byte { return other },
		"the chunks of another file":   func(b []byte) []byte { return slices.Concat(b[:at(0)], other[at(0):]) },
		"an empty chunk after the end": func(b []byte) []byte { return append(b, b[len(b)-tag:]...) },
	} {
		must(t, os.WriteFile(path, spoil(bytes.Clone(good)), 0o600))
		if got, err := s.Load("a"); err == nil {
			t.Errorf("%s: %d bytes", name, len(got))
		}
	}
	must(t, os.WriteFile(path, good, 0o600))
	if got, err := s.Load("a"); err != nil || !bytes.Equal(got, text(3*chunk+5)) {
		t.Errorf("control: %d bytes, %v", len(got), err)
	}
}

func TestTheSameFileNeverLooksTheSame(t *testing.T) {
	s := newStore(t)
	seen := map[string]bool{}
	for range 3 {
		must(t, s.Save("secret-name", []byte(strings.Repeat("secret", 9))))
		doc, err := os.ReadFile(s.only())
		must(t, err)
		if seen[string(doc)] || bytes.Contains(doc, []byte("secret")) || strings.Contains(s.only(), "secret") {
			t.Errorf("%s: %q", s.only(), doc)
		}
		seen[string(doc)] = true
	}
}

func TestWhatIsOpenAtAWipeIsReadNoFurther(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("a", text(3*chunk)))
	f, buf := s.reader("a"), make([]byte, 1)
	_, err := f.ReadAt(buf, 0)
	must(t, err)
	must(t, s.Wipe())
	if _, err := f.ReadAt(buf, chunk); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("after the wipe: %v", err)
	}
	must(t, s.Save("b", nil)) // under a new key
	if _, err := f.ReadAt(buf, 2*chunk); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("under a new key: %v", err)
	}
	must(t, f.Close())
	if _, err := f.ReadAt(buf, 2*chunk); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed: %v", err)
	}
	if err := f.Close(); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("closed twice: %v", err)
	}
	w, err := s.Create("c")
	must(t, err)
	must(t, s.Wipe())
	if _, err := w.Write([]byte("x")); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("written after the wipe: %v", err)
	}
}

// Another process that wipes closes nothing here.
func TestAWipeByAnotherProcessIsNoticed(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("a", text(3*chunk)))
	f, buf := s.reader("a"), make([]byte, 1)
	w, err := s.Create("b")
	must(t, err)
	_, err = w.Write(text(chunk + 1))
	must(t, err)
	other := vault.New(s.root, open{}, func() error { return nil })
	if err := other.Wipe(); err != nil && runtime.GOOS != "windows" {
		t.Errorf("wipe: %v", err)
	}
	if _, err := f.ReadAt(buf, chunk); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("read: %v", err)
	}
	if err := w.Close(); !errors.Is(err, vault.ErrWiped) {
		t.Errorf("write: %v", err)
	}
	must(t, f.Close())
	must(t, other.Wipe())
	if len(s.files())+len(s.unfinished()) != 0 {
		t.Errorf("left: %q, %q", s.files(), s.unfinished())
	}
}

func TestWhatIsBeingWrittenAtAWipeIsNotKept(t *testing.T) {
	for name, meanwhile := range map[string]func(*store){
		"wiped":                func(s *store) { must(s.t, s.Wipe()) },
		"wiped and used again": func(s *store) { must(s.t, s.Wipe()); must(s.t, s.Save("b", nil)) },
		"cut":                  func(s *store) { s.cut = errors.New("blocked") },
	} {
		s := newStore(t)
		must(t, s.Save("a", []byte("before")))
		w, err := s.Create("a")
		must(t, err)
		_, err = w.Write(text(2 * chunk))
		must(t, err)
		meanwhile(s)
		if err := w.Close(); err == nil {
			t.Errorf("%s: kept", name)
		}
		must(t, w.Cancel()) // nothing any more
		if left := s.unfinished(); len(left) != 0 {
			t.Errorf("%s: left %q", name, left)
		}
		s.cut = nil
		if got, err := s.Load("a"); name == "cut" && string(got) != "before" || name != "cut" && err == nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestAWriteThatIsCancelledLeavesNothing(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("a", []byte("before")))
	w, err := s.Create("a")
	must(t, err)
	_, err = w.Write(text(chunk + 1))
	must(t, err)
	must(t, w.Cancel())
	must(t, w.Cancel())
	if got, err := s.Load("a"); err != nil || string(got) != "before" || len(s.files()) != 1 || len(s.unfinished()) != 0 {
		t.Errorf("%q, %v, %q, %q", got, err, s.files(), s.unfinished())
	}
}

func TestWhatAProcessLeftUnfinishedGoesInTime(t *testing.T) {
	s := newStore(t)
	killed, err := s.Create("a") // and never closed
	must(t, err)
	left := s.unfinished()
	must(t, s.Save("b", nil))
	if !slices.Equal(s.unfinished(), left) || len(left) != 1 {
		t.Errorf("somebody still wrote it: %q, %q", left, s.unfinished())
	}
	yesterday := time.Now().Add(-25 * time.Hour)
	must(t, os.Chtimes(left[0], yesterday, yesterday))
	if runtime.GOOS == "windows" { // where an open file stays
		must(t, killed.Cancel())
	}
	must(t, s.Save("b", nil))
	if len(s.unfinished()) != 0 {
		t.Errorf("left: %q", s.unfinished())
	}
	if err := killed.Close(); err == nil {
		t.Error("it came back")
	}
	if _, err := s.Load("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

func TestAccessThatIsCutEndsReading(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("a", text(40*chunk)))
	f := s.reader("a")
	blocked := errors.New("blocked")
	s.cut = blocked
	if n, err := io.Copy(io.Discard, f); !errors.Is(err, blocked) || n > 1<<20 {
		t.Errorf("%d bytes were read, %v", n, err)
	}
	if _, err := s.Open("a"); !errors.Is(err, blocked) {
		t.Errorf("open: %v", err)
	}
	if _, err := s.Create("a"); !errors.Is(err, blocked) {
		t.Errorf("create: %v", err)
	}
}

// A process that ends while the key is written leaves a copy of it.
func TestAWipeFindsCopiesOfTheKey(t *testing.T) {
	s := newStore(t)
	must(t, s.Save("a", nil))
	copied := filepath.Join(s.root, "."+vault.KeyFile+"-123")
	beside := filepath.Join(s.root, ".other-123")
	for _, path := range []string{copied, beside} {
		must(t, os.WriteFile(path, []byte("key"), 0o600))
	}
	must(t, os.MkdirAll(filepath.Join(s.root, "organization", "deep"), 0o700))
	must(t, os.WriteFile(filepath.Join(s.root, "organization", "deep", "x"), nil, 0o600))
	must(t, s.Wipe())
	for _, path := range []string{copied, filepath.Join(s.root, "organization"), filepath.Join(s.root, "organization.new"), filepath.Join(s.root, vault.KeyFile)} {
		if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is left: %v", path, err)
		}
	}
	must(t, os.Remove(beside)) // it is none of ours
}

func TestWhatIsNotThereIsNoFile(t *testing.T) {
	s := newStore(t)
	if _, err := s.Open("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	nowhere := vault.New(filepath.Join(s.root, "missing"), open{}, func() error { return nil })
	if _, err := nowhere.Open("a"); err == nil {
		t.Error("opened")
	}
	if err := nowhere.Save("a", nil); err == nil {
		t.Error("saved")
	}
	if err := nowhere.Wipe(); err == nil {
		t.Error("wiped")
	}
}

func FuzzSealedFile(f *testing.F) {
	root := directory(f)
	v := vault.New(root, open{}, func() error { return nil })
	must(f, v.Save("a", []byte("plans")))
	all, err := filepath.Glob(filepath.Join(root, "organization", "*"))
	must(f, err)
	good, err := os.ReadFile(all[0])
	must(f, err)
	f.Add(good)
	f.Add(good[:header])
	f.Add([]byte("postern file 1\n"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		must(t, os.WriteFile(all[0], doc, 0o600))
		if got, err := v.Load("a"); (err == nil) != bytes.Equal(doc, good) {
			t.Errorf("%d bytes open as %q, %v", len(doc), got, err)
		}
	})
}
