"""The pace of photos: embedded as DeepFace's own calls do it, and as this program does."""
