package bench_test

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"filippo.io/age"

	"github.com/postern-mam/postern/sdk/vault"
)

// keeper keeps files. All of them write beside, sync, and rename.
type keeper interface {
	write(t testing.TB, name string, data []byte)
	open(t testing.TB, name string) kept
}

// kept is a file that is read from its beginning or at any place.
type kept interface {
	io.Reader
	io.ReaderAt
	io.Closer
}

// piece is how much an application reads or writes at once.
const piece = 32 << 10

func pour(t testing.TB, w io.Writer, data []byte) {
	t.Helper()
	_, err := io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{bytes.NewReader(data)}, make([]byte, piece))
	ok(t, err)
}

// plainFiles keeps files as they are.
type plainFiles struct{ dir string }

func (k plainFiles) write(t testing.TB, name string, data []byte) {
	k.replace(t, name, func(w io.Writer) { pour(t, w, data) })
}

func (k plainFiles) replace(t testing.TB, name string, fill func(io.Writer)) {
	t.Helper()
	f, err := os.CreateTemp(k.dir, ".new-*")
	ok(t, err)
	fill(f)
	ok(t, errors.Join(f.Sync(), f.Close(), os.Rename(f.Name(), filepath.Join(k.dir, name))))
}

func (k plainFiles) open(t testing.TB, name string) kept {
	t.Helper()
	f, err := os.Open(filepath.Join(k.dir, name))
	ok(t, err)
	return f
}

// ageFiles seals each file with age for one X25519 identity: 64 KiB chunks of
// ChaCha20-Poly1305.
type ageFiles struct {
	plainFiles
	identity *age.X25519Identity
}

func (k ageFiles) write(t testing.TB, name string, data []byte) {
	t.Helper()
	k.replace(t, name, func(f io.Writer) {
		w, err := age.Encrypt(f, k.identity.Recipient())
		ok(t, err)
		pour(t, w, data)
		ok(t, w.Close())
	})
}

func (k ageFiles) open(t testing.TB, name string) kept {
	t.Helper()
	f, err := os.Open(filepath.Join(k.dir, name))
	ok(t, err)
	info, err := f.Stat()
	ok(t, err)
	at, size, err := age.DecryptReaderAt(f, info.Size(), k.identity)
	ok(t, err)
	return ageFile{io.NewSectionReader(at, 0, size), f}
}

type ageFile struct {
	*io.SectionReader
	io.Closer
}

// vaultFiles is the sealed store of the kit, with a key that lies open.
type vaultFiles struct{ *vault.Vault }

type noSealer struct{}

func (noSealer) Seal(_ string, plain []byte) ([]byte, error)  { return plain, nil }
func (noSealer) Open(_ string, sealed []byte) ([]byte, error) { return bytes.Clone(sealed), nil }

func (k vaultFiles) write(t testing.TB, name string, data []byte) {
	t.Helper()
	w, err := k.Create(name)
	ok(t, err)
	pour(t, w, data)
	ok(t, w.Close())
}

func (k vaultFiles) open(t testing.TB, name string) kept {
	t.Helper()
	f, err := k.Open(name)
	ok(t, err)
	return f
}

// jobs are what an application does with a file, and how many bytes that is.
func jobs(t testing.TB, data []byte) []struct {
	name string
	do   func(keeper) int
} {
	const page, small = 4 << 10, 200
	return []struct {
		name string
		do   func(keeper) int
	}{
		{"write", func(k keeper) int { k.write(t, "big", data); return len(data) }},
		{"sequential read", func(k keeper) int {
			f := k.open(t, "big")
			n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{f}, make([]byte, piece))
			ok(t, errors.Join(err, f.Close()))
			return int(n)
		}},
		{"read as a whole", func(k keeper) int {
			f, all := k.open(t, "big"), make([]byte, len(data))
			if _, err := f.ReadAt(all, 0); !errors.Is(err, io.EOF) { // as io.ReaderAt may say at the very end
				ok(t, err)
			}
			ok(t, f.Close())
			if !bytes.Equal(all, data) {
				t.Error("it came back changed")
			}
			return len(all)
		}},
		{"random read of 4 KiB", func(k keeper) int {
			f, buf, r := k.open(t, "big"), make([]byte, page), rand.New(rand.NewPCG(1, 2))
			count := len(data) / page / 4
			for range count {
				_, err := f.ReadAt(buf, r.Int64N(int64(len(data)-page)))
				ok(t, err)
			}
			ok(t, f.Close())
			return count * page
		}},
		{"small files read", func(k keeper) int {
			for range small {
				f := k.open(t, "small")
				_, err := io.Copy(io.Discard, struct{ io.Reader }{f})
				ok(t, errors.Join(err, f.Close()))
			}
			return small * page
		}},
	}
}

// The sealed store beside plain files and beside age. POSTERN_ROUNDS sets the
// rounds, POSTERN_MEGABYTES the size of the file.
func TestTheSealedStoreBesidePlainFilesAndAge(t *testing.T) {
	rounds, data := number("POSTERN_ROUNDS", 1), make([]byte, number("POSTERN_MEGABYTES", 4)<<20)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data)
	identity, err := age.GenerateX25519Identity()
	ok(t, err)
	names := []string{"sealed store", "plain files", "age"}
	keepers := []keeper{
		vaultFiles{vault.New(t.TempDir(), noSealer{}, func() error { return nil })},
		plainFiles{t.TempDir()}, ageFiles{plainFiles{t.TempDir()}, identity},
	}
	for _, k := range keepers {
		k.write(t, "big", data)
		k.write(t, "small", data[:4<<10])
	}
	for _, job := range jobs(t, data) {
		scores := make([][]score, len(keepers))
		for range rounds {
			for i, k := range keepers {
				began := time.Now()
				n := job.do(k)
				scores[i] = append(scores[i], score{rate: float64(n) / 1e6 / time.Since(began).Seconds()})
			}
		}
		rate := func(s score) float64 { return s.rate }
		for i, name := range names {
			t.Logf("%-22s %-14s %s MB/s", job.name, name, print(scores[i], rate, "%.1f"))
		}
		for i, name := range names[1:] {
			paired := make([]score, rounds)
			for r := range rounds {
				paired[r].rate = scores[0][r].rate / scores[i+1][r].rate
			}
			t.Logf("%-22s sealed store / %s: %s", job.name, name, ratio(paired, rate))
		}
	}
	t.Logf("median (least to most) of %d rounds, a file of %d MB; load average %s", rounds, len(data)>>20, loadAverage())
}
