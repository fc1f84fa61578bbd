package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// pushTo pushes the index under its version, reads all of it back and returns the
// reference by digest, which cannot come to mean something else.
func pushTo(ctx context.Context, repository, version string, insecure bool, index v1.ImageIndex) (string, error) {
	opts := []name.Option{name.StrictValidation}
	if insecure {
		opts = append(opts, name.Insecure)
	}
	ref, err := name.NewTag(repository+":"+tag(version), opts...)
	if err != nil {
		return "", err
	}
	digest, err := index.Digest()
	if err != nil {
		return "", err
	}
	with := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain)}
	if err := remote.WriteIndex(ref, index, with...); err != nil {
		return "", fmt.Errorf("push: %w", err)
	}
	if err := verify(ref, digest, with...); err != nil {
		return "", fmt.Errorf("pushed, but the registry returns something else: %w", err)
	}
	return ref.Context().Digest(digest.String()).String(), nil
}

// verify reads what a tag stands for, down to the last byte of every layer. The
// client compares each with the digest by which it asked; the first comes from us.
func verify(ref name.Tag, want v1.Hash, with ...remote.Option) error {
	tagged, err := remote.Get(ref, with...)
	if err != nil {
		return err
	}
	if tagged.Digest != want {
		return fmt.Errorf("%s is %s, want %s", ref, tagged.Digest, want)
	}
	index, err := remote.Index(ref.Context().Digest(want.String()), with...)
	if err != nil {
		return err
	}
	list, err := index.IndexManifest()
	if err != nil {
		return err
	}
	for _, d := range list.Manifests {
		if err := verifyImage(index, d.Digest); err != nil {
			return fmt.Errorf("%s: %w", d.Platform, err)
		}
	}
	return nil
}

func verifyImage(index v1.ImageIndex, digest v1.Hash) error {
	img, err := index.Image(digest)
	if err != nil {
		return err
	}
	if _, err := img.RawConfigFile(); err != nil {
		return err
	}
	layers, err := img.Layers()
	if err != nil {
		return err
	}
	if len(layers) == 0 {
		return errors.New("no layers")
	}
	for _, l := range layers {
		r, err := l.Compressed()
		if err != nil {
			return err
		}
		_, err = io.Copy(io.Discard, r)
		_ = r.Close()
		if err != nil {
			return err
		}
	}
	return nil
}
