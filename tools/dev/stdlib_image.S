/* The compiled standard library as read-only data of the programs. IMAGE_FILE is given by make. */
    .section .rodata
    .balign 64
    .global stdlib_image
    .type stdlib_image, %object
stdlib_image:
    .incbin IMAGE_FILE
    .global stdlib_image_end
stdlib_image_end:
    .byte 0
    .section .note.GNU-stack,"",%progbits
