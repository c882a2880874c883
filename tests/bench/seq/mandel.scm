;; Floating-point numbers in loops: points of the plane that stay near 0.
(define (stays cr ci limit)
  (let loop ((zr 0.0) (zi 0.0) (i 0))
    (if (= i limit)
        1
        (let ((a (* zr zr)) (b (* zi zi)))
          (if (> (+ a b) 4.0)
              0
              (loop (+ (- a b) cr) (+ (* 2.0 (* zr zi)) ci) (+ i 1)))))))

(define (mandel n limit)
  (let ((step (/ 3.0 n)))
    (let rows ((y 0) (count 0))
      (if (= y n)
          count
          (let columns ((x 0) (count count))
            (if (= x n)
                (rows (+ y 1) count)
                (columns (+ x 1)
                         (+ count (stays (- (* step x) 2.0) (- (* step y) 1.5) limit)))))))))

(check "mandel" 6755 (bench "mandel" (lambda () (mandel 200 1000))))
