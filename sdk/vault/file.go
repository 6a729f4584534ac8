package vault

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"github.com/postern-mam/postern/sdk/internal/disk"
)

const (
	magic  = "postern file 1\n"
	salt   = 32
	header = int64(len(magic) + salt)
	chunk  = 64 << 10 // of plain text
	tag    = 16
	sealed = chunk + tag

	none = -1 // no chunk is cached
	// askEvery is how many chunks are read before access is asked for again.
	askEvery = 16
)

// cipherOf returns the cipher of one file.
func cipherOf(secret, salt []byte, name string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, secret, salt, "postern sealed file\x00"+name, keyBytes)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// nonce numbers a chunk. A key seals one file once, so that no nonce comes twice.
func nonce(number int64, last bool) []byte {
	n := make([]byte, 12)
	binary.BigEndian.PutUint64(n[3:], uint64(number))
	if last {
		n[11] = 1
	}
	return n
}

// File is a sealed file that is read. It is safe for concurrent use.
type File struct {
	vault *Vault
	name  string
	key   accountKey
	aead  cipher.AEAD
	size  int64
	last  int64 // number of the last chunk

	mu     sync.Mutex
	on     *os.File
	raw    []byte // a chunk as it lies on disk
	plain  []byte // the cached chunk
	cached int64
	ended  error // why nothing can be read any more
	asked  int   // chunks since access was asked for
	at     int64
}

// begin reads the header and the last chunk, which vouches for the size.
func (f *File) begin() error {
	info, err := f.on.Stat()
	if err != nil {
		return err
	}
	body := info.Size() - header
	if body < tag {
		return f.damaged()
	}
	start := make([]byte, header)
	if _, err := f.on.ReadAt(start, 0); err != nil {
		return err
	}
	if string(start[:len(magic)]) != magic {
		return f.damaged()
	}
	if f.aead, err = cipherOf(f.key.secret, start[len(magic):], f.name); err != nil {
		return err
	}
	f.last = (body - 1) / sealed
	f.size = body - (f.last+1)*tag
	if f.size < f.last*chunk {
		return f.damaged()
	}
	f.raw, f.plain = make([]byte, sealed), make([]byte, 0, sealed)
	return f.load(f.last)
}

// Size returns how many bytes were saved.
func (f *File) Size() int64 { return f.size }

// ReadAt reads from any place (io.ReaderAt). The chunk that it ends in is kept,
// so that reading on from there opens no chunk twice. After a wipe it fails with
// ErrWiped.
func (f *File) ReadAt(p []byte, at int64) (n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if at < 0 {
		return 0, fmt.Errorf("sdk: %q is read at %d; a place is not negative", f.name, at)
	}
	for n < len(p) && at < f.size {
		number := at / chunk
		part := p[n:]
		if whole := min(chunk, f.size-at); at == number*chunk && int64(len(part)) >= whole && number != f.cached {
			if err := f.open(number, part[:0]); err != nil { // in place: nothing is copied
				return n, err
			}
			n, at = n+int(whole), at+whole
			continue
		}
		if err := f.load(number); err != nil {
			return n, err
		}
		got := copy(part, f.plain[at-number*chunk:])
		n, at = n+got, at+int64(got)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// Read reads on from where the last Read ended (io.Reader).
func (f *File) Read(p []byte) (int, error) {
	f.mu.Lock()
	at := f.at
	f.mu.Unlock()
	n, err := f.ReadAt(p, at)
	f.mu.Lock()
	f.at += int64(n)
	f.mu.Unlock()
	if n > 0 && errors.Is(err, io.EOF) {
		err = nil
	}
	return n, err
}

// load makes a chunk the cached one.
func (f *File) load(number int64) error {
	if number == f.cached {
		return nil
	}
	f.cached = none
	f.plain = f.plain[:0]
	if err := f.open(number, f.plain); err != nil {
		return err
	}
	f.plain = f.plain[:min(chunk, f.size-number*chunk)]
	f.cached = number
	return nil
}

// open opens a chunk into the capacity of to.
func (f *File) open(number int64, to []byte) error {
	if f.on == nil {
		return f.ended
	}
	if err := f.ask(); err != nil {
		return err
	}
	length := min(chunk, f.size-number*chunk) + tag
	if _, err := f.on.ReadAt(f.raw[:length], header+number*sealed); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if _, err := f.aead.Open(to, nonce(number, number == f.last), f.raw[:length], nil); err != nil {
		return f.damaged()
	}
	return nil
}

// ask fails when the key is gone, and now and then when access was cut.
func (f *File) ask() error {
	if err := f.vault.alive(f.key); err != nil {
		return err
	}
	if f.asked++; f.asked%askEvery != 0 {
		return nil
	}
	return f.vault.may()
}

func (f *File) damaged() error {
	return fmt.Errorf("sdk: %q is damaged, or sealed with another key", f.name)
}

// Close ends the reading, and forgets what was cached.
func (f *File) Close() error {
	f.vault.closed(f)
	return f.end(fs.ErrClosed)
}

func (f *File) wiped() { _ = f.end(ErrWiped) } // a file that was only read

// end closes the file; why is what is said to whoever reads on.
func (f *File) end(why error) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.on == nil {
		before := f.ended
		f.ended = why
		if errors.Is(before, ErrWiped) { // closed by the wipe, and now by its user
			return nil
		}
		return before
	}
	err := f.on.Close()
	clear(f.plain[:cap(f.plain)])
	clear(f.key.secret)
	f.on, f.cached, f.ended = nil, none, why
	return err
}

// Writer is a sealed file that is written. It is for one goroutine.
type Writer struct {
	vault *Vault
	name  string
	key   accountKey

	mu     sync.Mutex // against a wipe
	aead   cipher.AEAD
	on     *os.File
	plain  []byte // at most a chunk: whether it is the last is not known yet
	raw    []byte
	number int64
	failed error
}

func (w *Writer) begin() error {
	start := make([]byte, header)
	copy(start, magic)
	_, _ = rand.Read(start[len(magic):]) // never fails (crypto/rand)
	aead, err := cipherOf(w.key.secret, start[len(magic):], w.name)
	if err != nil {
		return err
	}
	w.aead, w.plain, w.raw = aead, make([]byte, 0, chunk), make([]byte, 0, sealed)
	_, err = w.on.Write(start)
	return err
}

// Write seals what is written (io.Writer). Nobody sees it before Close.
func (w *Writer) Write(p []byte) (n int, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for len(p) > 0 && w.failed == nil {
		if len(w.plain) == chunk {
			w.seal(w.plain, false)
			w.plain = w.plain[:0]
		}
		if len(w.plain) == 0 && len(p) > chunk {
			w.seal(p[:chunk], false)
			n, p = n+chunk, p[chunk:]
			continue
		}
		got := min(chunk-len(w.plain), len(p))
		w.plain = append(w.plain, p[:got]...)
		n, p = n+got, p[got:]
	}
	return n, w.failed
}

func (w *Writer) seal(plain []byte, last bool) {
	w.raw = w.aead.Seal(w.raw[:0], nonce(w.number, last), plain, nil)
	w.number++
	if w.failed == nil {
		_, w.failed = w.on.Write(w.raw)
	}
}

// Close puts the file in its place and returns once it is on disk. It fails, and
// leaves what was there, when access was cut or the key destroyed meanwhile, and
// after a Write that failed.
func (w *Writer) Close() error {
	w.vault.closed(w)
	written, err := w.finish()
	if err != nil {
		return err
	}
	if err := w.place(written); err != nil {
		return errors.Join(err, discard(written))
	}
	return nil
}

// finish seals the last chunk, and returns where everything lies.
func (w *Writer) finish() (path string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		return "", w.failed
	}
	path = w.on.Name()
	w.seal(w.plain, true)
	if err := errors.Join(w.failed, w.on.Sync()); err != nil {
		return "", errors.Join(err, w.end(fs.ErrClosed))
	}
	err = w.on.Close()
	w.forget(fs.ErrClosed)
	if err != nil {
		return "", errors.Join(err, discard(path))
	}
	return path, nil
}

// place gives the file its name while nobody wipes.
func (w *Writer) place(written string) error {
	release, err := disk.Lock(w.vault.root, LockFile)
	if err != nil {
		return err
	}
	defer release()
	if err := w.vault.may(); err != nil {
		return err
	}
	if err := w.vault.alive(w.key); err != nil {
		return err
	}
	if err := w.vault.keepName(w.name); err != nil {
		return err
	}
	return os.Rename(written, w.vault.path(w.name))
}

// Cancel gives up what was written. After Close it does nothing.
func (w *Writer) Cancel() error {
	w.vault.closed(w)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		return nil
	}
	return w.end(fs.ErrClosed)
}

func (w *Writer) wiped() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on != nil {
		_ = w.end(ErrWiped) // the wipe removes what is left, or says that it cannot
	}
}

// end gives up; why is what is said to whoever writes on.
func (w *Writer) end(why error) error {
	path, err := w.on.Name(), w.on.Close()
	w.forget(why)
	return errors.Join(err, discard(path))
}

func (w *Writer) forget(why error) {
	clear(w.plain[:cap(w.plain)])
	clear(w.key.secret)
	w.on, w.failed = nil, why
}

// discard removes a file that is not needed, unless a wipe was faster.
func discard(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
