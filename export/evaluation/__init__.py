"""Does an artefact compute what the PyTorch network computes, and what does it cost in mIoU?"""
